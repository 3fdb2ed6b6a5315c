"""What PostgreSQL forbids of a payment, and how it finds one."""

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text

from app.billing.models import MAX_PRICE
from app.payments.states import Status

LIVE_SQL = text("status in ('created', 'sending', 'pending')")

ALL = (
    ForeignKeyConstraint(["merchant_id", "invoice_id"], ["invoice.merchant_id", "invoice.id"]),
    ForeignKeyConstraint(["merchant_id", "plan_id"], ["plan.merchant_id", "plan.id"]),
    UniqueConstraint("merchant_id", "attempt"),
    UniqueConstraint("merchant_id", "id"),
    CheckConstraint(f"amount between 1 and {MAX_PRICE}", name="amount"),
    CheckConstraint(f"status in ({', '.join(map(repr, map(str, Status)))})", name="status"),
    CheckConstraint("(status = 'failed') = (reason is not null)", name="failed_has_reason"),
    CheckConstraint("status <> 'paid' or paid_at is not null", name="paid_has_time"),
    CheckConstraint("method in ('stk')", name="method"),
    CheckConstraint("consent_language in ('en', 'sw')", name="consent_language"),
    CheckConstraint("(phone_index is null) = (phone_sealed is null)", name="severed"),
    # What is on its way to a phone, or may be, is not severed from it (ADR 0018).
    CheckConstraint(
        "status in ('paid', 'failed') or phone_index is not null", name="asked_has_phone"
    ),
    # M8: one payment in flight per invoice, one live prompt per phone over all merchants.
    Index("uq_payment_live_invoice", "invoice_id", unique=True, postgresql_where=LIVE_SQL),
    Index("uq_payment_live_phone", "phone_index", unique=True, postgresql_where=LIVE_SQL),
    # Few are second tries; of all others each new version would write an entry that says nothing.
    Index(
        "uq_payment_retried",
        "retry_of_id",
        unique=True,
        postgresql_where=text("retry_of_id is not null"),
    ),
    Index("ix_payment_of_phone", "phone_index", "created_at", "id"),
    Index("ix_payment_address", "address_index", "created_at"),
    Index("ix_payment_severed", "id", postgresql_where=text("phone_index is null")),
    Index("ix_payment_invoice", "invoice_id", "created_at"),
    # The sweep's questions: what is unsent, stuck in sending, due a question.
    Index("ix_payment_unsent", "created_at", postgresql_where=text("status = 'created'")),
    Index("ix_payment_sending", "sending_at", postgresql_where=text("status = 'sending'")),
    Index("ix_payment_pending", "accepted_at", postgresql_where=text("status = 'pending'")),
    Index(  # what a number has done lately: outage_evidence.py
        "ix_payment_sent",
        "shortcode",
        "sending_at",
        postgresql_where=text("sending_at is not null"),
    ),
    Index(
        "ix_payment_question",
        "question_rank",
        "next_question_at",
        postgresql_where=text("next_question_at is not null"),
    ),
)
