"""Numbers whose owners want no prompts, whoever asks for one (C08)."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.billing.subscriptions import phone_index
from app.extensions import Model, db


class OptOut(Model):
    """Of all merchants. Nobody can read the number off it; who knows the number finds it."""

    __tablename__ = "opt_out"

    phone_index: Mapped[bytes] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


def add(phone: str) -> None:
    """The caller commits. A repeat is no error."""
    values = {"phone_index": phone_index(phone), "created_at": clock.now()}
    db.session.execute(insert(OptOut).values(values).on_conflict_do_nothing())


def remove(phone: str) -> None:
    db.session.execute(delete(OptOut).where(OptOut.phone_index == phone_index(phone)))


def holds(index: bytes) -> bool:
    return db.session.get(OptOut, index) is not None
