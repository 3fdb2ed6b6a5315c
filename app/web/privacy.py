"""What customers are told about their data, and which text of it they read beside the button.

Whoever changes a word of these texts, in either language, gives them the next VERSION: payments keep
the one that their customer read (tests/web/test_privacy.py holds what each version said).
"""

import re
from datetime import UTC, datetime

from flask import Blueprint, abort, request

from app import merchants
from app.web import linking

blueprint = Blueprint("privacy", __name__)
VERSION, WRITTEN_ON = 1, datetime(2026, 11, 26, tzinfo=UTC)
TYPED = re.compile(r"[0-9]{1,3}", re.ASCII)


@blueprint.get("/privacy")
def page() -> str:
    return page_at(merchants.DEFAULT)


@blueprint.get("/m/<merchant>/privacy")
def page_at(merchant: str) -> str:
    seller = merchants.named(merchant) or abort(404)
    return linking.render(
        "help/privacy.html",
        merchant=seller,
        operator=None if seller.slug == merchants.DEFAULT else merchants.platform_name(),
        version=VERSION,
        written_on=WRITTEN_ON,
    )


def read() -> int:
    """The text of the form, which may have been open since before the text changed."""
    typed = request.form.get("terms", "")
    version = int(typed) if TYPED.fullmatch(typed) else VERSION
    return version if 1 <= version <= VERSION else VERSION
