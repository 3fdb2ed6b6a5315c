"""What the audit log has of payments that were put into the database: their moves, chained (M9)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from app import audit

COLUMNS = "merchant_id, seq, at, actor, action, subject_type, subject_id, details, prev_hash, hash"
BEGUN = "insert into audit_head (merchant_id, seq, hash) select unnest(%s::bigint[]), 0, %s on conflict do nothing"
HEADS = """select merchant_id, seq, hash from audit_head where merchant_id = any(%s)
    order by merchant_id for update"""
MOVED = "update audit_head set seq = %s, hash = %s where merchant_id = %s"


@dataclass(frozen=True)
class Asked:
    """A payment, and whether its prompt is out."""

    merchant_id: int
    payment_id: int
    amount: int
    at: datetime
    sent: bool = True

    def moves(self) -> tuple[tuple[str, str, dict[str, Any]], ...]:
        created = ("customer", "payment.created", {"amount": self.amount})
        if not self.sent:
            return (created,)
        return (
            created,
            ("worker", "payment.sending", {"before": "created"}),
            ("safaricom", "payment.pending", {"before": "sending"}),
        )


def tell(connection: psycopg.Connection, payments: Sequence[Asked]) -> None:
    chains: dict[int, list[Asked]] = defaultdict(list)
    for payment in payments:
        chains[payment.merchant_id].append(payment)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(BEGUN, [list(chains), audit.GENESIS])
        heads = cursor.execute(HEADS, [list(chains)]).fetchall()
        with cursor.copy(f"copy audit_event ({COLUMNS}) from stdin") as copy:
            ends = [_extend(copy, chains[merchant], merchant, *end) for merchant, *end in heads]
        cursor.executemany(MOVED, ends)


def _extend(
    copy: psycopg.Copy, payments: list[Asked], merchant: int, seq: int, head: bytes
) -> tuple[int, bytes, int]:
    for payment in payments:
        for actor, action, details in payment.moves():
            seq += 1
            row = {
                "merchant_id": merchant,
                "seq": seq,
                "at": payment.at,
                "actor": actor,
                "action": action,
                "subject_type": "payment",
                "subject_id": payment.payment_id,
                "details": details,
            }
            previous, head = head, audit.chained(head, row)
            copy.write_row((*(row | {"details": Jsonb(details)}).values(), previous, head))
    return seq, head, merchant
