"""M-PESA's own books: payments, balances, receipts and the texts on every phone. Mpesa holds the lock."""

import string
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from app.clock import NAIROBI, now
from app.simulator import speech, words
from app.simulator.payments import Order, Payment
from app.simulator.scripts import EVERYONE, Script

ALPHABET = string.digits + string.ascii_uppercase
DAYS = string.digits[1:] + string.ascii_uppercase  # 1 to 9, then A is the tenth
FIRST_YEAR = 2006  # L was 2017, U is 2026


@dataclass(frozen=True)
class Text:
    at: datetime
    body: str
    language: str


class Books:
    def __init__(self, random: Random, balance: int) -> None:
        self._random = random
        self._balances: dict[str, int] = {EVERYONE: balance}
        self._languages: dict[str, str] = {EVERYONE: speech.ENGLISH}
        self._receipts: set[str] = set()
        self.payments: dict[str, Payment] = {}
        self.busy: dict[str, Payment] = {}
        self.texts: dict[str, list[Text]] = {}

    def open(self, order: Order, script: Script) -> Payment:
        at = now()
        payment = Payment(
            order=order,
            script=script,
            checkout_request_id=self._checkout_request_id(order.phone, at),
            merchant_request_id=merchant_request_id(self._random),
            asked_at=at,
            started=time.monotonic(),
        )
        self.payments[payment.checkout_request_id] = payment
        self.busy.setdefault(order.phone, payment)
        return payment

    def _checkout_request_id(self, phone: str, at: datetime) -> str:
        while True:
            stamp = at.astimezone(NAIROBI)
            found = f"ws_CO_{stamp:%d%m%Y%H%M%S}{stamp.microsecond // 1000:03d}{phone[-9:]}"
            if found not in self.payments:
                return found
            at += timedelta(milliseconds=1)

    def close(self, payment: Payment, code: str, description: str) -> None:
        payment.code, payment.description = code, description
        payment.answered_at = now()
        if self.busy.get(payment.order.phone) is payment:
            del self.busy[payment.order.phone]
        if code == words.PAID:
            self._pay(payment, payment.answered_at)
        else:
            self._fail(payment)

    def _pay(self, payment: Payment, at: datetime) -> None:
        order = payment.order
        balance = self.balance(order.phone) - order.amount
        self._balances[order.phone] = balance
        payment.state, payment.paid_at, payment.receipt = "paid", at, self.new_receipt()
        language = self.language(order.phone)
        self._text(order.phone, speech.confirmation(language, payment, at, balance))

    def _fail(self, payment: Payment) -> None:
        phone = payment.order.phone
        payment.state = "failed"
        if sms := speech.refusal(self.language(phone), payment, self.balance(phone)):
            self._text(phone, sms)

    def _text(self, phone: str, body: str) -> None:
        self.texts.setdefault(phone, []).append(Text(now(), body, self.language(phone)))

    def new_receipt(self) -> str:
        today = now().astimezone(NAIROBI)
        letters = string.ascii_uppercase
        prefix = letters[today.year - FIRST_YEAR] + letters[today.month - 1] + DAYS[today.day - 1]
        while (receipt := prefix + "".join(self._random.choices(ALPHABET, k=7))) in self._receipts:
            pass
        self._receipts.add(receipt)
        return receipt

    def balance(self, phone: str) -> int:
        return self._balances.get(phone, self._balances[EVERYONE])

    def endow(self, phone: str, balance: int) -> None:
        if phone == EVERYONE:
            self._balances.clear()
        self._balances[phone] = balance

    def language(self, phone: str) -> str:
        return self._languages.get(phone, self._languages[EVERYONE])

    def speak(self, phone: str, language: str) -> None:
        if phone == EVERYONE:
            self._languages.clear()
        self._languages[phone] = language

    def prompt_on(self, phone: str) -> Payment | None:
        payment = self.busy.get(phone)
        return payment if payment and payment.prompting else None

    def last_prompted(self) -> str | None:
        """The phone to look at: the newest open prompt, else the newest there was."""
        prompted = [payment for payment in self.payments.values() if payment.prompted_at]
        newest = [payment for payment in prompted if payment.prompting] or prompted
        return newest[-1].order.phone if newest else None


def merchant_request_id(random: Random) -> str:
    digits = f"{random.getrandbits(96):024x}"
    tail = f"{random.randrange(10**6):06d}"
    return f"{digits[:4]}-{digits[4:8]}-{digits[8:12]}-{digits[12:]}{tail}"
