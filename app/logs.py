"""Structured logs: JSON lines in production, readable lines on a terminal; never a full phone number."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

PHONE = re.compile(r"(?<![0-9A-Za-z])(\+?254|0)([17][0-9]{2})[0-9]{3}([0-9]{3})(?![0-9])")
# The middle of a CheckoutRequestID is a date, its end the phone's last nine digits (daraja.md §1.2).
CHECKOUT_ID = re.compile(r"ws_CO_[0-9]{6,40}")
HOOK = re.compile(r"(/hooks/v1/[a-z]/)[0-9A-Za-z_-]+")
PAY = re.compile(r"(/pay/[0-9A-Za-z_-]{8})[0-9A-Za-z_-]+")


def masked(text: str) -> str:
    text = CHECKOUT_ID.sub("ws_CO_…", text)
    text = PHONE.sub(r"\g<1>\2***\3", text)
    return PAY.sub(r"\1…", HOOK.sub(r"\1…", text))


def mask_values(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {k: masked(v) if isinstance(v, str) else v for k, v in event.items()}


def configure(level: str) -> None:
    """Our events and other libraries' records leave through one door, masked."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_values,
    ]
    last = (
        structlog.dev.ConsoleRenderer(colors=False)
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for chatty in ("rq", "rq.worker", "werkzeug", "alembic"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def log() -> Any:
    return structlog.get_logger()
