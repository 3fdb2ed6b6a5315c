"""When the figures want a person: each condition and its threshold is written here, once.

`deploy/prometheus/malipo.rules.yml` has the same as expressions, and docs/runbook.md a paragraph for
each name: a test compares them. Built-in alerts compare the readings themselves.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from app.watching.condition import MINUTES, PAGE, WARN, Condition, Least

MONEY = (
    Condition(
        "TechnicalSuccessLow",
        PAGE,
        "Of the attempts of half an hour {value:.0%} were paid, not counting what customers decided.",
        "malipo_technical_success_ratio",
        "<",
        0.9,
        least=Least("malipo_technical_attempts", 30),
        lasting=MINUTES,
    ),
    Condition(
        "UnconfirmedFiveMinutes",
        WARN,
        "{value:.0f} payments have been unconfirmed for more than five minutes.",
        "malipo_unconfirmed",
        ">",
        0,
        where={"older_than": "5m"},
    ),
    Condition(
        "UnconfirmedAnHour",
        PAGE,
        "{value:.0f} payments have been unconfirmed for more than an hour.",
        "malipo_unconfirmed",
        ">",
        0,
        where={"older_than": "1h"},
    ),
    Condition(
        "Unrecovered",
        WARN,
        "A day of asking has not cleared up {value:.0f} payments.",
        "malipo_unrecovered",
        ">",
        0,
    ),
    Condition(
        "BooksWrong",
        PAGE,
        "The books break a money rule: {value:.0f} rows or more.",
        "malipo_invariant_violations",
        ">",
        0,
    ),
    Condition(
        "BooksUnchecked",
        WARN,
        "The books have not been checked for {minutes:.0f} minutes.",
        "malipo_books_check_age_seconds",
        ">",
        180_000,
    ),
    Condition(
        "AuditChainBroken",
        PAGE,
        "The audit log of {value:.0f} merchants was tampered with.",
        "malipo_audit_chains_broken",
        ">",
        0,
    ),
)
SAFARICOM = (
    Condition(
        "CallbacksLow",
        WARN,
        "Safaricom's message came for {value:.0%} of the prompts of an hour.",
        "malipo_callback_receipt_ratio",
        "<",
        0.97,
        least=Least("malipo_callbacks_expected", 30),
        lasting=MINUTES,
    ),
    Condition(
        "CallbacksSilent",
        PAGE,
        "Prompts go out, and for five minutes no message of Safaricom's has come about any.",
        "malipo_recent_prompts_answered",
        "==",
        0,
        least=Least("malipo_recent_prompts", 5),
    ),
    Condition(
        "PushErrors",
        PAGE,
        "Safaricom did not take {value:.0%} of our pushes in 15 minutes.",
        "malipo_api_error_ratio",
        ">",
        0.1,
        where={"api": "push"},
        least=Least("malipo_api_calls", 10),
    ),
    Condition(
        "QueryErrors",
        WARN,
        "Safaricom did not answer {value:.0%} of our questions in 15 minutes.",
        "malipo_api_error_ratio",
        ">",
        0.5,
        where={"api": "query"},
        least=Least("malipo_api_calls", 10),
    ),
    Condition(
        "InitiatorPasswordOld",
        WARN,
        "The initiator's password is {value:.0f} days old; M-PESA ends it after 90.",
        "malipo_initiator_password_age_days",
        ">=",
        80,
    ),
)
ABUSE = (
    Condition(
        "OneAddressFails",
        WARN,
        "One address failed {value:.0f} times in half an hour and paid nothing.",
        "malipo_worst_address_failures",
        ">=",
        15,
    ),
    Condition(
        "OneAddressManyNumbers",
        WARN,
        "One address prompted {value:.0f} numbers in half an hour and paid nothing.",
        "malipo_worst_address_phones",
        ">=",
        8,
    ),
    Condition(
        "OddHours",
        WARN,
        "{value:.0f} attempts of half an hour in the middle of the night were not paid.",
        "malipo_night_attempts_unpaid",
        ">=",
        20,
    ),
)
HOUSE = (
    Condition(
        "SchedulerSilent",
        PAGE,
        "No scheduler has been at work for {minutes:.0f} minutes.",
        "malipo_scheduler_beat_age_seconds",
        ">",
        60,
    ),
    Condition(
        "DatabaseGone",
        PAGE,
        "PostgreSQL cannot be reached.",
        "malipo_database_up",
        "==",
        0,
        lasting=timedelta(minutes=1),
    ),
    Condition(
        "RedisGone",
        WARN,
        "Redis cannot be reached: prompts leave up to ten seconds later.",
        "malipo_redis_up",
        "==",
        0,
        lasting=timedelta(minutes=5),
    ),
    Condition(
        "CallbacksUnsettled",
        PAGE,
        "The oldest message of Safaricom's has waited {minutes:.0f} minutes to be settled.",
        "malipo_work_oldest_seconds",
        ">",
        300,
        where={"kind": "callbacks"},
    ),
    Condition(
        "AlertsUnsent",
        WARN,
        "An alert has waited {minutes:.0f} minutes to be sent.",
        "malipo_outbox_oldest_seconds",
        ">",
        900,
    ),
)
ALL: Mapping[str, Condition] = MappingProxyType(
    {condition.name: condition for condition in (*MONEY, *SAFARICOM, *ABUSE, *HOUSE)}
)
