"""The phone beside the shop: two frames, so that neither is disturbed when the other reloads."""

import re
from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from app.simulator.headers import guarded
from app.simulator.page import DEMO
from app.simulator.settings import SimulatorSettings
from app.simulator.state import mpesa

demo = Blueprint("demo", __name__)
demo.after_request(guarded)


@demo.get("/demo")
def side_by_side() -> str | BaseResponse:
    settings = mpesa().settings
    here, proper = request.host, urlsplit(settings.address).netloc or request.host
    if here != proper and same_machine(here) == same_machine(proper):
        return redirect(settings.address + request.full_path.rstrip("?"))
    return render_template(
        "demo.html",
        phone_url=url_for("page.home", view=DEMO, phone=request.args.get("phone") or None),
        checkout_url=settings.checkout_url,
        checkout_host=urlsplit(settings.checkout_url).netloc,
        obstacle=obstacle(here, proper, settings),
        address=settings.address,
    )


def same_machine(host: str) -> str:
    """localhost:8001 and 127.0.0.1:8001 are one door, but two origins."""
    return re.sub(r"^(localhost|\[::1\])(?=:|$)", "127.0.0.1", host)


def obstacle(here: str, proper: str, settings: SimulatorSettings) -> str | None:
    """The shop lets itself be framed at one address only, and its cookie stays on one host."""
    if here != proper:
        return "address"
    shop = urlsplit(settings.checkout_url).hostname
    return None if urlsplit(f"//{here}").hostname == shop else "host"
