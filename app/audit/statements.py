"""What is said to PostgreSQL for each chain that grows.

Nearly all transactions write a few events of one merchant: then each value is a parameter, and the
statement one of a few, prepared. Arrays (app/many.py) cost more to write, and are for the others.
"""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    CompoundSelect,
    Executable,
    Select,
    bindparam,
    insert,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from app import many
from app.audit.models import GENESIS, AuditEvent, AuditHead
from app.extensions import Model

FEW = 4
FACTS = ("merchant_id", "seq", "at", "actor", "action", "subject_type", "subject_id", "details")
EVENT = (*FACTS, "prev_hash", "hash")
HEAD = ("merchant_id", "seq", "hash")
END = "end_"  # before the names of the heads' values, where events stand beside them
Head = tuple[int, int, bytes]


def locked_heads(connection: many.Connection, merchant_ids: Collection[int]) -> list[Head]:
    """The ends of the chains, ours until commit; the first event of a merchant makes it.

    Of several in the order of their ids, made or found, in one go: two transactions cannot wait for
    each other. To lock one that is there costs less than to touch it.
    """
    ids = sorted(merchant_ids)
    if len(ids) == 1 and (found := list(connection.exec_driver_sql(_locking(), {"id": ids[0]}))):
        return [tuple(found[0])]
    zeros = [{"merchant_id": one, "seq": 0, "hash": GENESIS} for one in ids]
    return sorted(tuple(row) for row in many.execute(connection, _touching, zeros))


@cache
def _locking() -> str:
    query = select(AuditHead.merchant_id, AuditHead.seq, AuditHead.hash)
    mine = query.where(AuditHead.merchant_id == bindparam("id", type_=BigInteger))
    return many.text(mine.with_for_update(key_share=True))


def _touching() -> Executable:
    made = upsert(AuditHead).from_select(HEAD, select(*many.unnested(AuditHead, HEAD)))
    same = {"merchant_id": made.excluded.merchant_id}
    touched = made.on_conflict_do_update(index_elements=["merchant_id"], set_=same)
    return touched.returning(AuditHead.merchant_id, AuditHead.seq, AuditHead.hash)


def add(connection: many.Connection, events: many.Rows, ends: many.Rows) -> None:
    """The events, and the heads moved to the last of each chain."""
    few = len(ends) == 1 and len(events) <= FEW
    given = _singly if few else many.columns
    sql = _adding(len(events) if few else 0)
    connection.exec_driver_sql(sql, given(events, "") | given(ends, END))


def _singly(rows: many.Rows, prefix: str) -> dict[str, Any]:
    each = enumerate(rows)
    return {f"{prefix}{name}_{n}": many.adapted(row[name]) for n, row in each for name in row}


@cache
def _adding(events: int) -> str:
    """So many; 0: any number, as arrays."""
    new = _rows(AuditEvent, EVENT, events)
    added = insert(AuditEvent).from_select(EVENT, new, include_defaults=False).cte("added")
    ends = _rows(AuditHead, HEAD, min(events, 1), END).subquery()
    mine = update(AuditHead).where(AuditHead.merchant_id == ends.c.merchant_id)
    return many.text(mine.values(seq=ends.c.seq, hash=ends.c.hash).add_cte(added))


def _rows(
    model: type[Model], names: Sequence[str], count: int, prefix: str = ""
) -> Select[Any] | CompoundSelect[Any]:
    if not count:
        return select(*many.unnested(model, names, prefix))
    types = {name: model.__table__.c[name].type for name in names}
    return union_all(
        *(
            select(
                *(bindparam(f"{prefix}{name}_{n}", type_=types[name]).label(name) for name in names)
            )
            for n in range(count)
        )
    )
