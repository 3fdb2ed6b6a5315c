"""Every metric that `/metrics` shows: docs/metrics.md says the same to people, and a test compares them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

GAUGE, COUNTER, HISTOGRAM = "gauge", "counter", "histogram"


@dataclass(frozen=True)
class Metric:
    kind: str
    says: str
    labels: tuple[str, ...] = ()


MERCHANT, KIND, CHANNEL = ("merchant",), ("kind",), ("channel",)

# Since the totals began, over all processes and machines.
TOTALS: Mapping[str, Metric] = MappingProxyType(
    {
        "malipo_pushes": Metric(COUNTER, "Prompts sent to Safaricom"),
        "malipo_answers": Metric(COUNTER, "Safaricom's answers", ("api", "code")),
        "malipo_questions": Metric(COUNTER, "Questions asked about silent or paid payments"),
        "malipo_payments_ended": Metric(
            COUNTER, "Payments that became paid or failed", ("status", "reason")
        ),
        "malipo_token_refreshes": Metric(COUNTER, "Access tokens fetched from Safaricom"),
        "malipo_limit_refusals": Metric(COUNTER, "Prompts that a limit refused", ("rule",)),
        "malipo_push_to_callback_seconds": Metric(
            HISTOGRAM, "From the acceptance of a push to Safaricom's first message"
        ),
    }
)
# At this moment, from the rows.
GAUGES: Mapping[str, Metric] = MappingProxyType(
    {
        "malipo_unconfirmed": Metric(
            GAUGE, "Payments whose end nobody has told us", (*MERCHANT, "older_than")
        ),
        "malipo_unrecovered": Metric(
            GAUGE, "Payments that a day of asking has not cleared up", MERCHANT
        ),
        "malipo_suspense_shillings": Metric(GAUGE, "Money without an owner", MERCHANT),
        "malipo_open_alerts": Metric(GAUGE, "Alerts that nobody of the staff has resolved", KIND),
        "malipo_callbacks_parked": Metric(GAUGE, "Messages that could not be settled"),
        "malipo_work_due": Metric(GAUGE, "Rows whose work is due, at most 10,000", KIND),
        "malipo_work_oldest_seconds": Metric(GAUGE, "How late the oldest of them is", KIND),
        "malipo_outbox_unsent": Metric(GAUGE, "Alert messages not yet sent", CHANNEL),
        "malipo_outbox_oldest_seconds": Metric(GAUGE, "Age of the oldest of them", CHANNEL),
        "malipo_scheduler_beat_age_seconds": Metric(
            GAUGE, "Since a leading scheduler was last seen"
        ),
        "malipo_invariant_violations": Metric(
            GAUGE, "Rows that break a money rule, by the last check", ("rule",)
        ),
        "malipo_books_check_age_seconds": Metric(GAUGE, "Since the books were last checked"),
        "malipo_audit_chains_broken": Metric(GAUGE, "Merchants whose audit log was tampered with"),
        "malipo_incidents_open": Metric(
            GAUGE, "Conditions that hold, as the built-in alerts see it", ("condition",)
        ),
        "malipo_initiator_password_age_days": Metric(
            GAUGE, "Since the initiator's password was set", MERCHANT
        ),
        "malipo_migration_info": Metric(GAUGE, "1, with the database's migration", ("revision",)),
        "malipo_technical_attempts": Metric(
            GAUGE,
            "Attempts of half an hour that the customer's wish or wallet did not end",
            MERCHANT,
        ),
        "malipo_technical_success_ratio": Metric(GAUGE, "How many of them were paid", MERCHANT),
        "malipo_callbacks_expected": Metric(
            GAUGE, "Prompts of an hour that Safaricom accepted", MERCHANT
        ),
        "malipo_callback_receipt_ratio": Metric(
            GAUGE, "For how many of them its message came", MERCHANT
        ),
        "malipo_recent_prompts": Metric(
            GAUGE, "Prompts of five minutes that Safaricom accepted", MERCHANT
        ),
        "malipo_recent_prompts_answered": Metric(
            GAUGE, "For how many of them its message came", MERCHANT
        ),
        "malipo_api_calls": Metric(
            GAUGE, "Payments of 15 minutes that it was called for", (*MERCHANT, "api")
        ),
        "malipo_api_error_ratio": Metric(
            GAUGE, "How many of them it gave no useful answer to", (*MERCHANT, "api")
        ),
        "malipo_worst_address_failures": Metric(
            GAUGE, "Failed attempts of one address that paid nothing, half an hour"
        ),
        "malipo_worst_address_phones": Metric(
            GAUGE, "Numbers prompted by one address that paid nothing, half an hour"
        ),
        "malipo_night_attempts_unpaid": Metric(
            GAUGE, "Unpaid attempts of half an hour, between 1 and 5 in Nairobi", MERCHANT
        ),
    }
)
# Of the process that answers: the only ones that are not the database's word.
OWN: Mapping[str, Metric] = MappingProxyType(
    {
        "malipo_database_up": Metric(GAUGE, "Whether the answering process reaches PostgreSQL"),
        "malipo_redis_up": Metric(GAUGE, "Whether the answering process reaches Redis"),
        "malipo_code_info": Metric(
            GAUGE, "1, with the newest migration that its code knows", ("revision",)
        ),
    }
)
ALL: Mapping[str, Metric] = MappingProxyType({**TOTALS, **GAUGES, **OWN})
