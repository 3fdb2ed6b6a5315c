"""Help with M-PESA, for a person who is in the middle of a payment."""

from flask import Blueprint, request

from app import merchants
from app.web import linking

blueprint = Blueprint("help", __name__, url_prefix="/help")


@blueprint.get("/mpesa")
def mpesa() -> str:
    """`?m=` names the merchant, so that the customer still sees whom they pay."""
    seller = merchants.named(request.args.get("m", merchants.DEFAULT))
    return linking.render("help/mpesa.html", merchant=seller)
