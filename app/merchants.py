"""Who is paid, and the keys that let us ask on their behalf."""

import re
from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Identity, String, select, text
from sqlalchemy.orm import Mapped, mapped_column

from app import audit, clock, crypto
from app.daraja import Credentials
from app.errors import Refused
from app.extensions import Model, db
from app.settings import settings

DEFAULT = "default"
SECRETS = ("consumer_key", "consumer_secret", "passkey")
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")


class Merchant(Model):
    """The default merchant's number and secrets are the MPESA_* settings, and never stored here."""

    __tablename__ = "merchant"
    __table_args__ = (
        CheckConstraint("slug = 'default' or shortcode is not null", name="has_shortcode"),
        CheckConstraint("verify_above is null or verify_above > 0", name="verify_above"),
        CheckConstraint("colour ~ '^#[0-9a-f]{6}$'", name="colour"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    shortcode: Mapped[str | None]
    till: Mapped[str | None]
    consumer_key: Mapped[bytes | None]
    consumer_secret: Mapped[bytes | None]
    passkey: Mapped[bytes | None]
    # Callbacks of more shillings than this are confirmed by a question before they settle.
    verify_above: Mapped[int | None]
    support: Mapped[str | None]  # a phone number, an e-mail address or words
    colour: Mapped[str | None]  # #rrggbb of buttons and links; None: ours
    logo: Mapped[str | None]  # an SVG, as text
    # Where customers may be sent back to after they paid: these, and what lies below them.
    return_urls: Mapped[list[str]] = mapped_column(
        ARRAY(String), default=list, server_default=text("'{}'")
    )
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    @property
    def number(self) -> str:
        """The shortcode that Safaricom books our money under."""
        return self.shortcode or settings().mpesa_shortcode

    def credentials(self) -> Credentials:
        if self.shortcode is None:
            return _default_credentials()
        return Credentials(
            base_url=settings().mpesa_base_url,
            shortcode=self.shortcode,
            till=self.till,
            **{name: self._unsealed(name) for name in SECRETS},
        )

    def _unsealed(self, name: str) -> str:
        sealed: bytes | None = getattr(self, name)
        return crypto.unseal(sealed, self._place(name)).decode() if sealed else ""

    def _place(self, name: str) -> str:
        return f"merchant.{name}|{self.slug}"

    def keep_secret(self, name: str, value: str) -> None:
        setattr(self, name, crypto.seal(value.encode(), self._place(name)))


def _default_credentials() -> Credentials:
    ours = settings()
    return Credentials(
        base_url=ours.mpesa_base_url,
        consumer_key=ours.mpesa_consumer_key,
        consumer_secret=ours.mpesa_consumer_secret,
        passkey=ours.mpesa_passkey,
        shortcode=ours.mpesa_shortcode,
        till=ours.mpesa_till,
    )


def named(slug: str) -> Merchant | None:
    return db.session.scalar(select(Merchant).where(Merchant.slug == slug))


def create(
    slug: str, name: str, shortcode: str, till: str | None, secrets: dict[str, str]
) -> Merchant:
    """Raises Refused with a sentence for the operator."""
    _check(slug, shortcode, till, secrets)
    merchant = Merchant(slug=slug, name=name, shortcode=shortcode, till=till)
    for secret in SECRETS:
        merchant.keep_secret(secret, secrets[secret])
    db.session.add(merchant)
    audit.record(merchant, "merchant.created", actor="command", slug=slug, shortcode=shortcode)
    return merchant


def _check(slug: str, shortcode: str, till: str | None, secrets: dict[str, str]) -> None:
    if not SLUG.fullmatch(slug):
        raise Refused("SLUG is 2 to 40 of a-z, 0-9 and -.")
    if named(slug):
        raise Refused(f"There is a merchant {slug!r} already.")
    if not re.fullmatch("[0-9]{5,7}", shortcode, re.ASCII):
        raise Refused("--shortcode is 5 to 7 digits (for a till: its store number).")
    if till is not None and not re.fullmatch("[0-9]{5,8}", till, re.ASCII):
        raise Refused("--till is 5 to 8 digits.")
    if missing := [name for name in SECRETS if not secrets.get(name)]:
        raise Refused(
            f"{', '.join(missing)} missing: give lines like {missing[0]}=… on standard input."
        )
