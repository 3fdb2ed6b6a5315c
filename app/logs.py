"""Structured logs: JSON lines in production, readable lines on a terminal; never a full phone number."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# As we write it, as people type it, and as a URL spells it; without 0 or 254 too.
GAP = r"[ ().\xa0-]{0,3}"
PHONE = re.compile(
    rf"(?<![0-9A-Za-z])(?:%2B)?(\+?\(?254|0)?{GAP}([17][0-9]{{2}}){GAP}[0-9]{{3}}{GAP}([0-9]{{3}})(?![0-9])"
)
# The middle of a CheckoutRequestID is a date, its end the phone's last nine digits (daraja.md §1.2).
CHECKOUT_ID = re.compile(r"ws_CO_[0-9]{6,40}")
HOOK = re.compile(r"(/hooks/v1/[a-z]/)[0-9A-Za-z_-]+")
PAY = re.compile(r"(/pay/[0-9A-Za-z_-]{8})[0-9A-Za-z_-]+")


def masked(text: str) -> str:
    text = CHECKOUT_ID.sub("ws_CO_…", text)
    text = PAY.sub(r"\1…", HOOK.sub(r"\1…", text))  # before phones: a token may begin like one
    return PHONE.sub(r"\g<1>\2***\3", text)


def mask_values(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    ours = ((k, v) for k, v in event.items() if not k.startswith("_"))
    return {**event, **{k: _masked_value(v) for k, v in ours}}


def _masked_value(value: Any) -> Any:
    """Whatever a value would be written as; it stays what it is where nothing had to be hidden."""
    if isinstance(value, dict):
        return {k: _masked_value(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_masked_value(v) for v in value]
    text = str(value)
    return value if masked(text) == text else masked(text)


def configure(level: str) -> None:
    """Our events and other libraries' records leave through one door, masked."""
    root = logging.getLogger()
    root.handlers = [_handler()]
    root.setLevel(level)
    for chatty in ("rq", "rq.worker", "werkzeug", "alembic"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    mask_values,
]


def _handler() -> logging.Handler:
    """Lines for a person on a terminal, JSON for everything else."""
    terminal = structlog.dev.ConsoleRenderer(colors=False)
    last = terminal if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    return handler


def log() -> Any:
    return structlog.get_logger()
