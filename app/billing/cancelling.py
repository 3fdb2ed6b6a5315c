"""A subscription is cancelled, or ends with its paid time. What is paid for stays (M11, ADR 0012).

The caller has made sure that no prompt for it is out, and holds its open invoice and its row
(payments.by_staff.quiet).
"""

from app import audit, clock
from app.billing import constraints, invoices
from app.billing.models import Subscription
from app.errors import Refused
from app.staff.accounts import By


def cancel(subscription: Subscription, by: By) -> None:
    """Nothing is asked for any more. To have the plan again is another subscription."""
    if subscription.cancelled_at is not None:
        return
    _void_open(subscription, by)
    subscription.cancelled_at = clock.now()
    subscription.ends_at = None
    audit.record(subscription, "subscription.cancelled", actor=by.actor, **by.details())


def end_with_period(subscription: Subscription, by: By) -> None:
    """Nothing is asked for after the paid time. To pay again before or after is to stay. Raises Refused."""
    if subscription.cancelled_at is not None:
        raise Refused("It is cancelled already.")
    if subscription.paid_through is None or not subscription.active:
        raise Refused("There is no paid time left to wait for: cancel it now.")
    if subscription.ends_at is not None:
        return
    _void_open(subscription, by)
    subscription.ends_at = subscription.paid_through
    until = subscription.paid_through.isoformat()
    audit.record(subscription, "subscription.ending", actor=by.actor, until=until, **by.details())


def _void_open(subscription: Subscription, by: By) -> None:
    invoice = invoices.open_of(subscription)
    if invoice is not None:
        invoices.void(invoice, by.actor)


def undo(subscription: Subscription, by: By) -> None:
    """It goes on as it was; a void invoice stays void. Raises Refused."""
    if subscription.ends_at is not None:
        subscription.ends_at = None
        audit.record(subscription, "subscription.kept", actor=by.actor)
    if subscription.cancelled_at is None:
        return
    with constraints.answered(
        "uq_subscription_one_running",
        "The customer has subscribed to this plan again since: that subscription runs.",
    ):
        subscription.cancelled_at = None
    audit.record(subscription, "subscription.revived", actor=by.actor)
