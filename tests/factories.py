"""The least that makes sense, made by the application's own verbs, so that the books agree."""

import json
from itertools import count

from app import merchants
from app.billing import plans
from app.billing.models import Plan
from app.daraja import Accepted
from app.extensions import db
from app.payments import charging, inbox
from app.payments.models import Callback, Payment

PHONE = "254712345678"
number = count(1)


def plan(merchant=None, **values):
    merchant = merchant or merchants.named("default")
    defaults = {"code": "standard", "name": "Standard", "price": 500, "unit": "month", "every": 1}
    made = plans.create(Plan(merchant_id=merchant.id, **defaults | values))
    db.session.commit()
    return made


def merchant(slug="duka", **values):
    secrets = {"consumer_key": "k2", "consumer_secret": "s2", "passkey": "p2"}
    defaults = {"name": "Duka Mbili", "shortcode": "600123", "till": None}
    made = merchants.create(slug, **defaults | values, secrets=secrets)
    db.session.commit()
    return made


def bought(sold, phone=PHONE, address="10.0.0.1"):
    """A payment as the checkout makes it: created, not sent."""
    payment = charging.buy(sold, charging.Payer(phone, address), f"attempt-{next(number)}")
    db.session.commit()
    return payment


def sent(payment):
    """Claimed for sending. Answers the hook token that Safaricom was given."""
    claimed = charging.claim()
    assert claimed is not None
    assert claimed.payment_id == payment.id
    db.session.commit()
    return claimed.prompt.callback_url.rsplit("/", 1)[1]


def accepted(payment, checkout_id="ws_CO_1"):
    charging.accepted(payment.id, Accepted("1-2-3", checkout_id))
    db.session.commit()


def pending(sold, phone=PHONE, checkout_id="ws_CO_1"):
    """A payment whose prompt Safaricom has accepted, and its hook token."""
    payment = bought(sold, phone)
    hook = sent(payment)
    accepted(payment, checkout_id)
    return payment, hook


def success(amount=500, receipt="TKL4H7Q2MX", checkout_id="ws_CO_1", **changes):
    items = [
        {"Name": "Amount", "Value": amount},
        {"Name": "MpesaReceiptNumber", "Value": receipt},
        {"Name": "TransactionDate", "Value": 20261121144300},
        {"Name": "PhoneNumber", "Value": 254712345678},
    ]
    body = {
        "MerchantRequestID": "1-2-3",
        "CheckoutRequestID": checkout_id,
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "CallbackMetadata": {"Item": items},
    }
    return message(body | changes)


def failure(code=1032, checkout_id="ws_CO_1", text="Request Cancelled by user."):
    return message(
        {
            "MerchantRequestID": "1-2-3",
            "CheckoutRequestID": checkout_id,
            "ResultCode": code,
            "ResultDesc": text,
        }
    )


def message(stk_callback):
    return json.dumps({"Body": {"stkCallback": stk_callback}}).encode()


def deliver(hook, body, address=None):
    """As the hook keeps it. Answers the callback's id."""
    callback_id = inbox.receive(hook, body, address)
    db.session.commit()
    return callback_id


def fresh(payment_id):
    db.session.expire_all()
    return db.session.get_one(Payment, payment_id)


def callback(callback_id):
    db.session.expire_all()
    return db.session.get_one(Callback, callback_id)
