"""Pay links, as pictures to print and to point a camera at."""

from io import BytesIO

import segno
from flask import Blueprint, Response, request

from app import merchants
from app.billing.models import Plan
from app.billing.pay_links import pay_link
from app.web.plans import sold

blueprint = Blueprint("links", __name__)
PASSED_ON = ("ref", "return")  # what a pay link may carry


@blueprint.get("/subscribe/<plan>/qr.svg")
def qr(plan: str) -> Response:
    return _picture(sold(merchants.DEFAULT, plan))


@blueprint.get("/m/<merchant>/subscribe/<plan>/qr.svg")
def qr_at(merchant: str, plan: str) -> Response:
    return _picture(sold(merchant, plan))


def _picture(plan: Plan) -> Response:
    carried = {name: request.args[name][:500] for name in PASSED_ON if request.args.get(name)}
    out = BytesIO()
    code = segno.make(pay_link(plan, carried), error="m", micro=False)
    code.save(out, kind="svg", scale=8, xmldecl=False, title=plan.name)
    return Response(out.getvalue(), mimetype="image/svg+xml")
