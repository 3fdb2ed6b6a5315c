"""Every table: rows refer to rows of other rooms, and SQLAlchemy wants to know them all."""

from app import ledger, merchants
from app.audit import models as audit
from app.billing import models as billing
from app.desk import figure_models
from app.desk import models as desk
from app.payments import (
    alerts,
    buckets,
    dispute_models,
    opt_out,
    outage_models,
    renewal_models,
    staff_models,
)
from app.payments import models as payments
from app.staff import models as staff
from app.watching import models as watching

__all__ = [
    "alerts",
    "audit",
    "billing",
    "buckets",
    "desk",
    "dispute_models",
    "figure_models",
    "ledger",
    "merchants",
    "opt_out",
    "outage_models",
    "payments",
    "renewal_models",
    "staff",
    "staff_models",
    "watching",
]
