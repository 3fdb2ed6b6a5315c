"""How quickly the two doors answer that must never wait for Redis."""

from time import monotonic

import requests

from tests.daraja import callbacks
from tests.faults.patience import eventually

MOST = 1.0  # seconds
TRIES = 3
PAID = {"outcome": "paid", "prompt_delay": 0.1, "pin_after": 0.3, "callback_delay": 0.1}


def assert_quick(house, crowd):
    """A checkout, and a message about a payment that is known already."""
    checkouts = [checkout(crowd) for _ in range(TRIES)]
    told = eventually(lambda: house.safaricom.payments(state="paid"), 60, "a payment is paid")[0]
    messages = [tell_again(told) for _ in range(TRIES)]
    assert max(checkouts) < MOST, checkouts
    assert max(messages) < MOST, messages


def checkout(crowd):
    [customer] = crowd.come(1, **PAID)
    crowd.served()
    return customer.took


def tell_again(payment):
    items = [{"Name": "Amount", "Value": payment["amount"]}]
    items.append({"Name": "MpesaReceiptNumber", "Value": payment["receipt"]})
    body = callbacks.callback(
        CheckoutRequestID=payment["checkout_request_id"], CallbackMetadata={"Item": items}
    )
    with requests.Session() as session:
        session.trust_env = False
        asked = monotonic()
        answer = session.post(payment["callback_url"], data=body, timeout=30)
        assert answer.status_code == 200
        return monotonic() - asked
