"""The reason that a form asks for."""

from flask import request

from app.staff import reasons


def given() -> str:
    """Raises Refused."""
    return reasons.checked(request.form.get("reason", ""))
