"""Who is paid, and the keys that let us ask on their behalf."""

import re
from datetime import datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Identity,
    String,
    bindparam,
    case,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app import audit, clock, crypto
from app.daraja import Credentials
from app.errors import Refused
from app.extensions import Model, db
from app.settings import settings

DEFAULT = "default"
SECRETS = ("consumer_key", "consumer_secret", "passkey")
INITIATOR_PASSWORD = "initiator_password"  # noqa: S105 # its name
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")
SHORTCODE, TILL = re.compile("[0-9]{5,7}", re.ASCII), re.compile("[0-9]{5,8}", re.ASCII)
SHORTEST_WITH_LAST4 = 12  # characters: of a shorter secret the last four would tell too much


class Merchant(Model):
    """The default merchant's number and secrets are the MPESA_* settings, and never stored here."""

    __tablename__ = "merchant"
    __table_args__ = (
        CheckConstraint(
            "slug = 'default' or shortcode is not null or uses_platform_shortcode",
            name="has_shortcode",
        ),
        CheckConstraint("verification in ('pending', 'verified', 'failed')", name="verification"),
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
    # Who acts for the merchant at M-PESA where it asks for more than a key: reversals, for instance.
    initiator: Mapped[str | None]
    initiator_password: Mapped[bytes | None]
    certificate: Mapped[str | None]  # Safaricom's, as PEM: what the password is encrypted for
    # What may be shown of a secret: {name: {"last4": …, "set_at": …}}.
    secret_facts: Mapped[dict[str, dict[str, str]]] = mapped_column(
        JSONB, default=dict, server_default=text("'{}'")
    )
    # What the last try of these settings came to (merchants/verification.py).
    verification: Mapped[str] = mapped_column(default="pending", server_default=text("'pending'"))
    verified_at: Mapped[datetime | None]
    verification_reason: Mapped[str | None]
    verification_of: Mapped[bytes | None]
    # Its money is collected by the default merchant's number, and owed to it by whoever runs this.
    uses_platform_shortcode: Mapped[bool] = mapped_column(
        default=False, server_default=text("false")
    )
    # Callbacks of more shillings than this are confirmed by a question before they settle.
    verify_above: Mapped[int | None]
    support: Mapped[str | None]  # a phone number, an e-mail address or words
    colour: Mapped[str | None]  # #rrggbb of buttons and links; None: ours
    logo: Mapped[str | None]  # an SVG, as text
    # Where customers may be sent back to after they paid: these, and what lies below them.
    return_urls: Mapped[list[str]] = mapped_column(
        ARRAY(String), default=list, server_default=text("'{}'")
    )
    # Whether all staff must have a second factor.
    second_factor_required: Mapped[bool] = mapped_column(
        default=False, server_default=text("false")
    )
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    @property
    def on_platform(self) -> bool:
        """Whether the MPESA_* settings are its credentials."""
        return self.slug == DEFAULT or self.uses_platform_shortcode

    @property
    def number(self) -> str:
        """The shortcode that Safaricom books our money under."""
        return settings().mpesa_shortcode if self.on_platform else self.shortcode or ""

    def credentials(self) -> Credentials:
        """Raises crypto.CannotOpen."""
        return _platform() if self.on_platform else self._own_credentials()

    def credentials_of(self, shortcode: str | None) -> Credentials:
        """Of the number that a payment went through: Safaricom knows it under no other."""
        if shortcode in (None, self.number):
            return self.credentials()
        if shortcode == settings().mpesa_shortcode:
            return _platform()
        return self._own_credentials() if shortcode == self.shortcode else self.credentials()

    def _own_credentials(self) -> Credentials:
        return Credentials(
            base_url=settings().mpesa_base_url,
            shortcode=self.shortcode or "",
            till=self.till,
            **{name: self.secret(name) for name in SECRETS},
        )

    def secret(self, name: str) -> str:
        sealed: bytes | None = getattr(self, name)
        return crypto.unseal(sealed, self._place(name)).decode() if sealed else ""

    def _place(self, name: str) -> str:
        return f"merchant.{name}|{self.slug}"

    def keep_secret(self, name: str, value: str) -> None:
        """Sealed, with the little that may be shown of it: it is never read back to a person."""
        setattr(self, name, crypto.seal(value.encode(), self._place(name)))
        fact = {"last4": _last4(name, value), "set_at": clock.now().isoformat()}
        self.secret_facts = {**(self.secret_facts or {}), name: fact}

    def drop_secret(self, name: str) -> None:
        setattr(self, name, None)
        kept = self.secret_facts.items()
        self.secret_facts = {known: fact for known, fact in kept if known != name}


def _last4(name: str, value: str) -> str:
    """Nothing of a password: people choose them, and end several of them alike."""
    long_enough = len(value) >= SHORTEST_WITH_LAST4 and name != INITIATOR_PASSWORD
    return value[-4:] if long_enough else ""


def _platform() -> Credentials:
    ours = settings()
    return Credentials(
        base_url=ours.mpesa_base_url,
        consumer_key=ours.mpesa_consumer_key,
        consumer_secret=ours.mpesa_consumer_secret,
        passkey=ours.mpesa_passkey,
        shortcode=ours.mpesa_shortcode,
        till=ours.mpesa_till,
    )


def number_column() -> ColumnElement[str | None]:
    """Merchant.number, for statements."""
    on_platform = or_(Merchant.slug == DEFAULT, Merchant.uses_platform_shortcode)
    ours = bindparam(None, callable_=lambda: settings().mpesa_shortcode, type_=String)
    return case((on_platform, ours), else_=Merchant.shortcode)


def named(slug: str) -> Merchant | None:
    return db.session.scalar(select(Merchant).where(Merchant.slug == slug))


def platform_name() -> str:
    """Whose name M-PESA's message shows to those who pay through the platform's number."""
    return db.session.scalars(select(Merchant.name).where(Merchant.slug == DEFAULT)).one()


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
    if not SHORTCODE.fullmatch(shortcode):
        raise Refused("--shortcode is 5 to 7 digits (for a till: its store number).")
    if till is not None and not TILL.fullmatch(till):
        raise Refused("--till is 5 to 8 digits.")
    if missing := [name for name in SECRETS if not secrets.get(name)]:
        raise Refused(
            f"{', '.join(missing)} missing: give lines like {missing[0]}=… on standard input."
        )
