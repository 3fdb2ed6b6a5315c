"""Safaricom's M-PESA API, and nothing of ours. Its words stop here (docs: daraja.md)."""

from app.daraja.callback import read_stk_callback
from app.daraja.client import Client
from app.daraja.codes import RESULTS, classify_callback, classify_query
from app.daraja.errors import (
    BadCredentials,
    DarajaError,
    NoAnswer,
    NotSent,
    Refused,
    Throttled,
    Unreadable,
)
from app.daraja.probe import Asked, Asking, Seen
from app.daraja.strict import strict_json
from app.daraja.tokens import TokenCache, Tokens
from app.daraja.wire import new_session
from app.daraja.words import (
    Accepted,
    Answer,
    Credentials,
    Prompt,
    Reason,
    StkResult,
    Timeouts,
    Verdict,
)

__all__ = [
    "RESULTS",
    "Accepted",
    "Answer",
    "Asked",
    "Asking",
    "BadCredentials",
    "Client",
    "Credentials",
    "DarajaError",
    "NoAnswer",
    "NotSent",
    "Prompt",
    "Reason",
    "Refused",
    "Seen",
    "StkResult",
    "Throttled",
    "Timeouts",
    "TokenCache",
    "Tokens",
    "Unreadable",
    "Verdict",
    "classify_callback",
    "classify_query",
    "new_session",
    "read_stk_callback",
    "strict_json",
]
