"""Customers in the database, as the application would have written them; ids, keys and seals are real."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import events
import psycopg
from events import Asked

from app import clock, crypto
from app.billing.subscriptions import phone_index, phone_place
from app.payments.models import body_place, checkout_index

MERCHANTS = 20  # besides the default one: a bucket of prompts is a merchant's
SHORTCODE = "174379"
PRICE = 499
SHOPS = """
    insert into merchant (slug, name, uses_platform_shortcode, created_at)
      select 'bench-' || m, 'Bench ' || m, true, now() from generate_series(1, {merchants}) m
      on conflict do nothing;
    insert into plan (merchant_id, code, name, price, unit, every, created_at)
      select id, 'monthly', 'Monthly', {price}, 'month', 1, now() from merchant on conflict do nothing
"""

FLOOR = """
    create table if not exists floor_row (id bigint primary key, name text, status text, amount int);
    create table if not exists floor_written (
      id bigint generated always as identity primary key, body bytea, at timestamptz default now());
    insert into floor_row select i, 'Name ' || i, 'pending', i % 3000
      from generate_series(1, 10000) i on conflict do nothing
"""


@dataclass(frozen=True)
class Waiting:
    """A payment whose prompt is out, and what its customer and Safaricom know of it."""

    payment_id: int
    token: str
    hook: str
    checkout: str
    phone: str
    number: int

    def callback(self) -> bytes:
        """Safaricom's news of a success, in its own words and of its own length."""
        items = [
            {"Name": "Amount", "Value": float(PRICE)},
            {"Name": "MpesaReceiptNumber", "Value": f"TK{self.number:08d}"},
            {"Name": "TransactionDate", "Value": int(f"{clock.now():%Y%m%d%H%M%S}")},
            {"Name": "PhoneNumber", "Value": int(self.phone)},
        ]
        news = {
            "MerchantRequestID": f"29115-34620561-{self.number}",
            "CheckoutRequestID": self.checkout,
            "ResultCode": 0,
            "ResultDesc": "The service request is processed successfully.",
            "CallbackMetadata": {"Item": items},
        }
        return json.dumps({"Body": {"stkCallback": news}}).encode()


class Town:
    """Makes people; each has a phone number that nobody had before."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        connection.execute(SHOPS.format(merchants=MERCHANTS, price=PRICE))
        connection.execute(FLOOR)
        taken = connection.execute("select nextval(pg_get_serial_sequence('payment', 'id'))")
        self._born: int = (taken.fetchone() or (0,))[0]  # beyond whatever an earlier run has used
        rows = connection.execute(
            "select merchant_id, id from plan where code = 'monthly' order by merchant_id"
        ).fetchall()
        self.plans: list[tuple[int, int]] = [(int(m), int(p)) for m, p in rows]

    def next_number(self) -> int:
        self._born += 1
        return self._born

    def phone(self) -> str:
        return f"2547{10_000_000 + self.next_number():08d}"

    def waiting(self, many: int, age: timedelta, shops: Sequence[int] = (0,)) -> list[Waiting]:
        """Payments of as many new subscribers, pending since `age`."""
        at = clock.now() - age
        people = self._born_with(many, shops, _asked(at))
        self._told(people, shops, at, sent=True)
        self._connection.execute(f"analyze {', '.join(CHAIN)}")
        return people

    def unsent(self, many: int, shops: Sequence[int] = (0,)) -> None:
        """Payments of as many new subscribers, as the checkout leaves them: their prompts are due."""
        people = self._born_with(many, shops, _unsent)
        self._told(people, shops, clock.now(), sent=False)

    def _told(
        self, people: Sequence[Waiting], shops: Sequence[int], at: datetime, *, sent: bool
    ) -> None:
        merchants = [self.plans[shops[i % len(shops)]][0] for i in range(len(people))]
        asked = [
            Asked(merchant, person.payment_id, PRICE, at, sent)
            for merchant, person in zip(merchants, people, strict=True)
        ]
        events.tell(self._connection, asked)

    def _born_with(self, many: int, shops: Sequence[int], state: "State") -> list[Waiting]:
        ids = {table: self._ids(table, many) for table in CHAIN}
        people = [self._person(payment_id) for payment_id in ids["payment"]]
        plans = [self.plans[shops[i % len(shops)]] for i in range(many)]
        rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in CHAIN}
        for i, person in enumerate(people):
            for table, row in _rows(person, plans[i], [ids[t][i] for t in CHAIN], state).items():
                rows[table].append(row)
        for table, columns in CHAIN.items():
            self._copy(table, columns, rows[table])
        return people

    def _person(self, payment_id: int) -> Waiting:
        number = self.next_number()
        phone = f"2547{10_000_000 + number:08d}"
        checkout = f"ws_CO_26112026120000{number:010d}{phone[3:]}"
        hook = crypto.new_hook_token()
        return Waiting(payment_id, crypto.new_token(), hook, checkout, phone, number)

    def _ids(self, table: str, many: int) -> list[int]:
        sequence = f"pg_get_serial_sequence('{table}', 'id')"
        query = f"select nextval({sequence}) from generate_series(1, {many})"
        return [row[0] for row in self._connection.execute(query)]

    def _copy(self, table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f"copy {table} ({columns}) from stdin") as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def keep_callbacks(self, people: list[Waiting]) -> None:
        """A backlog: their messages in the inbox, as the hook leaves them."""
        at = clock.now()
        columns = (
            "uid, merchant_id, payment_id, body_sealed, address, received_at, next_try_at, tries"
        )
        merchant = self.merchants_of(people)
        rows = []
        for person in people:
            uid = uuid4()
            sealed = crypto.seal(person.callback(), body_place(uid))
            known = (uid, merchant[person.payment_id], person.payment_id, sealed)
            rows.append((*known, "127.0.0.1", at, at, 0))
        self._copy("callback", columns, rows)
        self._connection.execute("analyze callback")

    def merchants_of(self, people: list[Waiting]) -> dict[int, int]:
        query = "select id, merchant_id from payment where id = any(%s)"
        return dict(self._connection.execute(query, [[p.payment_id for p in people]]).fetchall())


CHAIN = {
    "subscriber": "id, merchant_id, token, phone_index, phone_sealed, created_at",
    "subscription": "id, merchant_id, token, subscriber_id, plan_id, created_at",
    "invoice": "id, merchant_id, subscription_id, reference, amount, created_at",
    "payment": (
        "id, merchant_id, invoice_id, plan_id, token, hook_hash, method, shortcode, amount,"
        " phone_index, phone_sealed, status, checkout_index, checkout_sealed, created_at,"
        " sending_at, accepted_at, next_question_at, question_rank, questions, hurries, rechecks"
    ),
}


State = Callable[[Waiting], tuple[Any, ...]]


def _asked(at: datetime) -> State:
    """Their prompts are on their phones since then."""
    asked = at + timedelta(days=1)  # questions are measured by themselves

    def state(person: Waiting) -> tuple[Any, ...]:
        checkout = crypto.seal(person.checkout.encode(), f"payment.checkout|{person.token}")
        known = (SHORTCODE, "pending", checkout_index(person.checkout), checkout)
        return (crypto.token_hash(person.hook), *known, at, at, at, asked)

    return state


def _unsent(_person: Waiting) -> tuple[Any, ...]:
    return (None, None, "created", None, None, clock.now(), None, None, None)


def _rows(
    person: Waiting, plan: tuple[int, int], ids: list[int], state: State
) -> dict[str, tuple[Any, ...]]:
    subscriber, subscription, invoice, payment = ids
    merchant, plan_id = plan
    token, phone = crypto.new_token(), person.phone.encode()
    index = phone_index(person.phone)
    sealed = crypto.seal(phone, phone_place(token))
    mine = crypto.seal(phone, f"payment.phone|{person.token}")
    hook, shortcode, status, found_by, checkout, at, *times = state(person)
    return {
        "subscriber": (subscriber, merchant, token, index, sealed, at),
        "subscription": (subscription, merchant, crypto.new_token(), subscriber, plan_id, at),
        "invoice": (invoice, merchant, subscription, f"B-{invoice}", PRICE, at),
        "payment": (
            *(payment, merchant, invoice, plan_id, crypto.hide(person.token, "payment.token")),
            *(hook, "stk", shortcode, PRICE),
            *(index, mine, status, found_by, checkout, at, *times, 1, 0, 0, 0),
        ),
    }
