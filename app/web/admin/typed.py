"""What people typed into a form: checked field by field, so that each can say what is wrong with it."""

from collections.abc import Callable, Mapping
from typing import Any

from app.errors import BadPhone, Refused

BAD_PHONE = "Enter a Safaricom number, like 0712 345 678."

Check = Callable[[str], object]


def checked(
    form: Mapping[str, str], checks: Mapping[str, Check]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The values of the fields that are right, and a sentence for each that is not."""
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, check in checks.items():
        try:
            values[name] = check(form.get(name, "").strip())
        except BadPhone:
            errors[name] = BAD_PHONE
        except Refused as refusal:
            errors[name] = str(refusal)
    return values, errors
