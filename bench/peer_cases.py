"""What each of the two does with messages that are not plain."""

import json
from dataclasses import dataclass
from datetime import timedelta

import load
import psycopg
from hall import Hall
from people import Waiting

from app.jobs import work

PENDING = """
    insert into peer_transaction (id, transaction_type, status, checkout_request_id, phone_number,
      amount, account_reference, transaction_desc, initiated_at, idempotency_locked)
    values (gen_random_uuid(), 'STK_PUSH', 'PENDING', %s, %s, 499, 'B-1', 'Subscription', now(), false)
"""
TWICE, ONE_SHILLING, UNKNOWN, CUT = CASES = (
    "the same twice",
    "KSh 1 for KSh 499",
    "an unknown id",
    "malformed: cut off",
)


@dataclass(frozen=True)
class Case:
    name: str
    body: bytes
    times: int = 1


def show(hall: Hall, theirs: psycopg.Connection) -> None:
    print("\n| case | ours | the peer |\n|---|---|---|")
    for name in CASES:
        person = hall.town.waiting(1, timedelta(seconds=20))[0]
        case = _case(name, person)
        told = (name, _by_us(hall, person, case), _by_peer(hall, theirs, person, case))
        print(f"| {' | '.join(told)} |", flush=True)


def _case(name: str, person: Waiting) -> Case:
    news = json.loads(person.callback())
    said = news["Body"]["stkCallback"]
    if name == ONE_SHILLING:
        said["CallbackMetadata"]["Item"][0]["Value"] = 1.0
    elif name == UNKNOWN:
        said["CheckoutRequestID"] = "ws_CO_nobody"
    body = json.dumps(news).encode()
    return Case(name, body[: len(body) // 2] if name == CUT else body, 2 if name == TWICE else 1)


OURS = """select p.status, (select count(*) from receipt r where r.payment_id = p.id),
      string_agg(coalesce(c.outcome, c.error, 'waits for a question'), '; ' order by c.id)
    from payment p join callback c on c.payment_id = p.id where p.id = %s group by p.id"""
THEIRS = "select status, amount from peer_transaction where checkout_request_id = %s"
KEPT = """select raw_body ->> 'Body' is not null, coalesce(error, '') from peer_callbacklog
    order by received_at desc limit 1"""


def _by_us(hall: Hall, person: Waiting, case: Case) -> str:
    status = _post(hall, "web", f"/hooks/v1/d/{person.hook}", case)
    work.settle_inbox()
    row = hall.connection.execute(OURS, [person.payment_id]).fetchone()
    found = f"{row[0]}, {row[1]} receipt(s); {row[2]}" if row else "nothing kept"
    return f"{status}; {found}"


def _by_peer(hall: Hall, theirs: psycopg.Connection, person: Waiting, case: Case) -> str:
    theirs.execute(PENDING, (person.checkout, person.phone))
    before = _entitled(theirs)
    status = _post(hall, "peer", "/mpesa/stk/callback/", case)
    row = theirs.execute(THEIRS, [person.checkout]).fetchone()
    kept = theirs.execute(KEPT).fetchone()
    body = "body kept" if kept and kept[0] else "body not kept"
    error = f", error: {kept[1]}" if kept and kept[1] else ""
    given = _entitled(theirs) - before
    return f"{status}; {row[0] if row else ''}, {given} entitlement(s); {body}{error}"


def _entitled(theirs: psycopg.Connection) -> int:
    row = theirs.execute("select count(*) from peer_entitlement").fetchone()
    return row[0] if row else 0


def _post(hall: Hall, name: str, path: str, case: Case) -> int:
    class Once:
        status = 0

        def request(self) -> bytes:
            return load.post(path, case.body, "application/json")

        def answered(self, status: int, _head: bytes, _body: bytes) -> None:
            self.status = status

    for _ in range(case.times):
        once = Once()
        load.Crowd(hall.stand.address(name)).run([once], 10)
    return once.status
