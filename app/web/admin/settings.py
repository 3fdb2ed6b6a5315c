"""A merchant's M-PESA settings: seen by all of its people, set by its owners, read back by nobody."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response

from app.merchants import INITIATOR_PASSWORD, SECRETS, mpesa
from app.merchants.mpesa import Number
from app.staff import OPERATOR, OWNER
from app.web.admin import connection, desk, face, mpesa_page, reasons, saving
from app.web.admin.access import ANY, allow

blueprint = Blueprint("settings", __name__, url_prefix="/settings")
for room in (connection, face):
    blueprint.register_blueprint(room.blueprint)
ONE = "any({})".format(",".join(f'"{name}"' for name in SECRETS))
TRY_IT = "It counts from the next prompt on. Test the connection."

Page = Response | str | tuple[str, int]


@blueprint.get("/")
@allow(ANY)
def index() -> Page:
    return mpesa_page.render()


def _home(text: str) -> Response:
    flash(text)
    return redirect(url_for("admin.settings.index"), 303)


@blueprint.get("/number")
@allow(OWNER, proved=True)
def number() -> Page:
    return _number_page()


def _number_page(error: str | None = None) -> str:
    return render_template("admin/settings/number.html", error=error)


@blueprint.post("/number")
@allow(OWNER, proved=True)
def set_number() -> Page:
    change = lambda: mpesa.set_number(desk.merchant(), typed_number(), actor=desk.actor())  # noqa: E731
    if error := saving.refusal(change):
        return _number_page(error), 422
    return _home(f"The number is set. {TRY_IT}")


def typed_number() -> Number:
    """Of a form with the fields kind, shortcode and till."""
    shortcode, till = (request.form.get(name, "").strip() for name in ("shortcode", "till"))
    return Number(shortcode, till if request.form.get("kind") == "till" else None)


@blueprint.get(f"/secrets/<{ONE}:name>")
@allow(OWNER, proved=True)
def secret(name: str) -> Page:
    return _secret_page(name)


def _secret_page(name: str, error: str | None = None) -> str:
    known = mpesa_page.secret(desk.merchant(), name)
    return render_template("admin/settings/secret.html", secret=known, error=error)


@blueprint.post(f"/secrets/<{ONE}:name>")
@allow(OWNER, proved=True)
def set_secret(name: str) -> Page:
    typed, actor = request.form.get("value", ""), desk.actor()
    if error := saving.refusal(lambda: mpesa.set_secret(desk.merchant(), name, typed, actor=actor)):
        return _secret_page(name, error), 422
    return _home(f"The {mpesa.NAMES[name]} is set. {TRY_IT}")


@blueprint.get("/initiator")
@allow(OWNER, proved=True)
def initiator() -> Page:
    return _initiator_page()


def _initiator_page(error: str | None = None) -> str:
    known = mpesa_page.secret(desk.merchant(), INITIATOR_PASSWORD)
    return render_template("admin/settings/initiator.html", secret=known, error=error)


@blueprint.post("/initiator")
@allow(OWNER, proved=True)
def set_initiator() -> Page:
    name, password = request.form.get("initiator", ""), request.form.get("password", "")
    actor = desk.actor()
    if error := saving.refusal(
        lambda: mpesa.set_initiator(desk.merchant(), name, password, actor=actor)
    ):
        return _initiator_page(error), 422
    return _home("The initiator is set." if name.strip() else "There is no initiator now.")


@blueprint.get("/certificate")
@allow(OWNER, proved=True)
def certificate() -> Page:
    return _certificate_page()


def _certificate_page(error: str | None = None) -> str:
    until = mpesa.certificate_until(desk.merchant())
    return render_template("admin/settings/certificate.html", until=until, error=error)


@blueprint.post("/certificate")
@allow(OWNER, proved=True)
def set_certificate() -> Page:
    """The file's own name is not looked at, and the file is kept nowhere."""
    sent = request.files.get("certificate")
    file = sent.read() if sent else b""
    actor = desk.actor()
    if error := saving.refusal(lambda: mpesa.set_certificate(desk.merchant(), file, actor=actor)):
        return _certificate_page(error), 422
    return _home("The certificate is kept." if file.strip() else "There is no certificate now.")


@blueprint.get("/platform")
@allow(OPERATOR, proved=True)
def platform() -> Page:
    return _platform_page()


def _platform_page(error: str | None = None) -> str:
    return render_template("admin/settings/platform.html", error=error)


@blueprint.post("/platform")
@allow(OPERATOR, proved=True)
def use_platform() -> Page:
    """Whoever runs the installation decides whose money it collects; the reason is in the log."""
    on = request.form.get("on") == "1"

    def switch() -> None:
        reason = reasons.given()
        mpesa.use_platform(desk.merchant(), on=on, actor=desk.actor(), reason=reason)

    if error := saving.refusal(switch):
        return _platform_page(error), 422
    return _home("The platform collects for it now." if on else "It is paid by itself now.")
