"""STK callbacks as Safaricom sends them (daraja.md §2.1), and pieces to spoil them with."""

import json
from typing import Any

CHECKOUT = "ws_CO_191220191020363925"
MERCHANT = "29115-34620561-1"
AMOUNT = {"Name": "Amount", "Value": 20.0}
RECEIPT = {"Name": "MpesaReceiptNumber", "Value": "NLJ7RT61SV"}
DATE = {"Name": "TransactionDate", "Value": 20191219102115}
PHONE = {"Name": "PhoneNumber", "Value": 254708374149}
BALANCE = {"Name": "Balance"}
ITEMS: list[Any] = [AMOUNT, RECEIPT, BALANCE, DATE, PHONE]


def raw(body: object) -> bytes:
    return json.dumps(body).encode()


def callback(code: object = 0, **extra: Any) -> bytes:
    told = {
        "MerchantRequestID": MERCHANT,
        "CheckoutRequestID": CHECKOUT,
        "ResultCode": code,
        "ResultDesc": "The service request is processed successfully.",
    }
    return raw({"Body": {"stkCallback": told | extra}})


def paid(*items: Any) -> bytes:
    return callback(CallbackMetadata={"Item": items or ITEMS})
