"""What Safaricom would have sent, in its own words: the pretend one writes it."""

import string
from datetime import datetime, timedelta
from random import Random
from typing import Any

from app.clock import NAIROBI
from app.simulator import callbacks, words
from app.simulator.payments import Order, Payment
from app.simulator.scripts import Script
from app.simulator.settings import Merchant

ALPHABET = string.digits + string.ascii_uppercase
DAYS = string.digits[1:] + string.ascii_uppercase  # 1 to 9, then A is the tenth
FIRST_YEAR = 2006  # L was 2017, U is 2026
TAIL = 7  # of a receipt's number, after year, month and day


class Post:
    """Gives ids and numbers as M-PESA does, no two alike."""

    def __init__(self, chance: Random, shortcode: str) -> None:
        self._chance = chance
        self._merchant = Merchant("", "", shortcode, "")
        self._given: set[str] = set()

    def checkout_id(self, at: datetime, phone: str) -> str:
        stamp = at.astimezone(NAIROBI)
        found = f"ws_CO_{stamp:%d%m%Y%H%M%S}{stamp.microsecond // 1000:03d}{phone[-9:]}"
        return self._once(found) or self.checkout_id(at + timedelta(milliseconds=1), phone)

    def receipt(self, at: datetime) -> str:
        local = at.astimezone(NAIROBI)
        year = string.ascii_uppercase[(local.year - FIRST_YEAR) % 26]
        tail = "".join(self._chance.choices(ALPHABET, k=TAIL))
        found = f"{year}{string.ascii_uppercase[local.month - 1]}{DAYS[local.day - 1]}{tail}"
        return self._once(found) or self.receipt(at)

    def _once(self, found: str) -> str | None:
        if found in self._given:
            return None
        self._given.add(found)
        return found

    def paid(self, known: dict[str, Any], receipt: str, at: datetime) -> bytes:
        return callbacks.written(callbacks.success(self._theirs(known), receipt, at))

    def failed(self, known: dict[str, Any], code: str) -> bytes:
        return callbacks.written(callbacks.failure(self._theirs(known), code, words.describe(code)))

    def _theirs(self, known: dict[str, Any]) -> Payment:
        """`known`: phone, amount, account, checkout_id, at."""
        order = Order(self._merchant, known["phone"], known["amount"], known["account"], "", False)  # noqa: FBT003
        number = f"{self._chance.randrange(10**5)}-{self._chance.randrange(10**8)}-1"
        return Payment(order, Script(), known["checkout_id"], number, known["at"], 0.0)
