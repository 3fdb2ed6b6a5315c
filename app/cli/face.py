"""`flask merchant face`, `flask plan link`: how a merchant looks, and the links to share."""

from collections.abc import Callable
from typing import IO

import click
from sqlalchemy import select

from app import merchants
from app.billing.models import Plan
from app.billing.pay_links import pay_link
from app.cli.setup import found_merchant, merchant, plan, sentences
from app.errors import Refused
from app.extensions import db
from app.merchants import Merchant, face

ACTOR = "command"


@merchant.command("face")
@click.argument("slug")
@click.option("--name", help="As customers know it.")
@click.option("--colour", help="Like #0a6b3d, dark enough for white letters; '' for ours.")
@click.option("--logo", type=click.File(), help="A small SVG; an empty file for the first letter.")
@click.option("--support", help="A phone number, an e-mail address or words; '' for none.")
@click.option("--return-url", "back", multiple=True, help="Where customers may go after they paid.")
def change_face(slug: str, back: tuple[str, ...], **given: str | IO[str] | None) -> None:
    """Changes what customers see of a merchant; what is not named stays."""
    with sentences():
        changed = found_merchant(slug)
        for name, value in given.items():
            if value is not None:
                text = value if isinstance(value, str) else value.read()
                SETTERS[name](changed, text, actor=ACTOR)
        if back:
            face.set_return_urls(changed, [url for url in back if url], actor=ACTOR)
    click.echo(f"merchant {slug} changed")


SETTERS: dict[str, Callable[..., None]] = {
    "name": face.set_name,
    "colour": face.set_colour,
    "logo": face.set_logo,
    "support": face.set_support,
}


@plan.command("link")
@click.argument("code")
@click.option("--merchant", "slug", default=merchants.DEFAULT, show_default=True)
@click.option("--ref", help="The merchant's own word for this payment.")
def link(code: str, slug: str, ref: str | None) -> None:
    """Prints the pay link of a plan; `…/qr.svg` of it is its QR code."""
    with sentences():
        click.echo(pay_link(_plan(found_merchant(slug), code), {"ref": ref} if ref else None))


def _plan(seller: Merchant, code: str) -> Plan:
    mine = (Plan.merchant_id == seller.id, Plan.code == code)
    found = db.session.scalar(select(Plan).where(*mine))
    if found is None:
        raise Refused(f"There is no plan {code!r}.")
    return found


COMMANDS: tuple[click.Command, ...] = (merchant, plan)  # with what hangs below them
