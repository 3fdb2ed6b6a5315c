"""Sends what the outbox holds. Its lane is not the scheduler's thread: a mail server may think long."""

from collections.abc import Callable, Mapping

from app.extensions import db
from app.logs import log
from app.settings import settings
from app.telling import mail, webhook
from app.telling.errors import Undelivered
from app.telling.mail import Mailbox
from app.telling.webhook import Webhook
from app.watching import outbox
from app.watching.models import MAIL, WEBHOOK
from app.watching.outbox import Batch

Way = Callable[[Batch], None]


def ways() -> Mapping[str, Way]:
    """By which the operator wants to be told: the settings say."""
    ours = settings()
    known: dict[str, Way] = {}
    if ours.alert_email_to:
        known[MAIL] = by_mail
    if ours.alert_webhook_url:
        known[WEBHOOK] = by_webhook
    return known


def tell_one() -> bool:
    """One batch. No transaction is open while it is sent; what a crash leaves is sent once more."""
    batch = outbox.claim()
    db.session.commit()
    if batch is None:
        return False
    way = ways().get(batch.channel)
    if way is None:
        outbox.sent(batch.ids, error="not configured any more")
    else:
        _send(way, batch)
    db.session.commit()
    return True


def _send(way: Way, batch: Batch) -> None:
    try:
        way(batch)
    except Undelivered as error:
        log().warning("alert not sent", channel=batch.channel, error=str(error))
        outbox.failed(batch.ids, str(error))
    else:
        log().info("alert sent", channel=batch.channel, messages=len(batch.ids))
        outbox.sent(batch.ids)


def by_mail(batch: Batch) -> None:
    ours = settings()
    mailbox = Mailbox(ours.smtp_url, ours.alert_email_from, ours.alert_email_to)
    text = "\n\n".join(f"{one.title}\n{one.text}" for one in batch.messages)
    mail.send(mailbox, f"[Malipo] {_title(batch)}", f"{text}\n", key=batch.key)


def by_webhook(batch: Batch) -> None:
    ours = settings()
    hook = Webhook(ours.alert_webhook_url, ours.alert_webhook_secret)
    facts = {"key": batch.key, "text": _title(batch), "alerts": [_plain(m) for m in batch.messages]}
    webhook.send(hook, facts)


def _plain(message: outbox.Message) -> dict[str, object]:
    times = {"opened_at": message.opened_at, "closed_at": message.closed_at}
    return {
        "state": message.state,
        "condition": message.condition,
        "severity": message.severity,
        "merchant": message.merchant,
        "says": message.says,
        **{name: at.isoformat() if at else None for name, at in times.items()},
    }


def _title(batch: Batch) -> str:
    more = len(batch.messages) - 1
    return batch.messages[0].title + (f" and {more} more" if more else "")
