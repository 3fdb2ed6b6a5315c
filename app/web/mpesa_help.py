"""Help with M-PESA, for a person who is in the middle of a payment."""

from flask import Blueprint, render_template, request

from app import merchants

blueprint = Blueprint("help", __name__, url_prefix="/help")


@blueprint.get("/mpesa")
def mpesa() -> str:
    """`?m=` names the merchant, so that the customer still sees whom they pay."""
    seller = merchants.named(request.args.get("m", merchants.DEFAULT))
    return render_template("help/mpesa.html", merchant=seller)
