"""How the lists of payments are found, over a million of them: ADR 0010.

Each index begins with filters and ends with the list's order, so that a page is a walk of fifty
entries that all fit. A list of several statuses is merged from one walk for each: no index need
lack the status, and none lacks a pair, not even one that never occurs.
"""

from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import InstrumentedAttribute

from app.payments.models import Payment

Columns = tuple[InstrumentedAttribute[Any], ...]

BY_STATUS: dict[str, Columns] = {
    "ix_payment_status": (Payment.status,),
    "ix_payment_status_plan": (Payment.status, Payment.plan_id),
    "ix_payment_status_amount": (Payment.status, Payment.amount),
    "ix_payment_status_plan_amount": (Payment.status, Payment.plan_id, Payment.amount),
}
# Only failed payments have a reason.
BY_REASON: dict[str, Columns] = {
    "ix_payment_reason": (Payment.reason,),
    "ix_payment_reason_plan": (Payment.reason, Payment.plan_id),
    "ix_payment_reason_amount": (Payment.reason, Payment.amount),
}
ORDER = (Payment.created_at, Payment.id)

Index("ix_payment_list", Payment.merchant_id, *ORDER)
for name, columns in BY_STATUS.items():
    Index(name, Payment.merchant_id, *columns, *ORDER)
for name, columns in BY_REASON.items():
    failed = Payment.reason.is_not(None)
    Index(name, Payment.merchant_id, *columns, *ORDER, postgresql_where=failed)
