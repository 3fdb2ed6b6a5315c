"""What M-PESA says on a phone, in the language of its SIM menu."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.clock import NAIROBI
from app.simulator.payments import Order, Payment
from app.simulator.rules import matching
from app.simulator.words import NO_MONEY, WRONG_PIN, money

ENGLISH = "en"
SWAHILI = "sw"


@dataclass(frozen=True)
class Speech:
    language: str
    question: str
    pin: str
    ok: str
    cancel: str
    menu: str
    change: str
    balance: str
    paid: str
    refusals: Mapping[str, str]  # the SMS after a failure, where M-PESA sends one


SPEECHES = {
    ENGLISH: Speech(
        language="English",
        question="Do you want to pay {amount} to {merchant}, account {account}?",
        pin="Enter M-PESA PIN (demo: {pin})",
        ok="OK",
        cancel="CANCEL",
        menu="SIM menu",
        change="M-PESA language",
        balance="M-PESA balance",
        paid=(
            "{receipt} Confirmed. {amount} sent to {merchant} for account {account} on {date} "
            "at {time}. New M-PESA balance is {balance}. Transaction cost, Ksh0.00."
        ),
        refusals={
            NO_MONEY: (
                "Failed. You do not have enough money in your M-PESA account to pay {amount} to "
                "{merchant}. Your M-PESA balance is {balance}."
            ),
            WRONG_PIN: "Failed. You have entered a wrong M-PESA PIN. Please try again.",
        },
    ),
    SWAHILI: Speech(
        language="Kiswahili",
        question="Je, unataka kulipa {amount} kwa {merchant}, akaunti {account}?",
        pin="Weka PIN ya M-PESA (jaribio: {pin})",
        ok="SAWA",
        cancel="GHAIRI",
        menu="Menyu ya SIM",
        change="Lugha ya M-PESA",
        balance="Salio la M-PESA",
        paid=(
            "{receipt} Imethibitishwa. {amount} imetumwa kwa {merchant} kwa akaunti {account} "
            "tarehe {date} saa {time}. Salio lako la M-PESA ni {balance}. Gharama ya kutuma, "
            "Ksh0.00."
        ),
        refusals={
            NO_MONEY: (
                "Imeshindwa. Huna pesa za kutosha kwenye akaunti yako ya M-PESA kulipa {amount} "
                "kwa {merchant}. Salio lako la M-PESA ni {balance}."
            ),
            WRONG_PIN: "Imeshindwa. Umeweka PIN ya M-PESA isiyo sahihi. Tafadhali jaribu tena.",
        },
    ),
}
LANGUAGE = matching("|".join(SPEECHES))


def question(language: str, order: Order) -> str:
    return SPEECHES[language].question.format_map(named(order))


def confirmation(language: str, payment: Payment, paid_at: datetime, balance: int) -> str:
    at = paid_at.astimezone(NAIROBI)
    return SPEECHES[language].paid.format(
        **named(payment.order),
        receipt=payment.receipt,
        date=f"{at.day}/{at.month}/{at:%y}",
        time=f"{at.hour % 12 or 12}:{at:%M %p}",
        balance=money(balance),
    )


def refusal(language: str, payment: Payment, balance: int) -> str | None:
    sentence = SPEECHES[language].refusals.get(payment.code or "")
    return sentence and sentence.format(**named(payment.order), balance=money(balance))


def named(order: Order) -> dict[str, str]:
    return {
        "amount": money(order.amount),
        "merchant": order.merchant.name,
        "account": order.account,
    }
