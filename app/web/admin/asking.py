"""Staff ask a customer for money: once for each form, and a refusal in words."""

import re

from flask import request

from app import crypto
from app.errors import MustWait, Refused
from app.web import shown

ATTEMPT = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)


def attempt() -> str:
    """Made when the form was rendered: sent twice, it is one request. Without one it is its own."""
    typed = request.form.get("attempt", "")
    return typed if ATTEMPT.fullmatch(typed) else crypto.new_token()


def sentence(refusal: MustWait | Refused) -> str:
    """The limits protect whoever has the phone, from us too; they do not say who else asked."""
    if isinstance(refusal, Refused):
        return str(refusal)
    wait = shown.minutes(refusal.seconds)
    return f"This phone has been asked often enough for now. Try again in {wait} minutes."
