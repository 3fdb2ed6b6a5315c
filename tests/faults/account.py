"""After the healing: Safaricom's own account of who paid, beside ours, to the shilling."""

import json
from collections import Counter
from dataclasses import dataclass
from time import monotonic, sleep

from tests.faults.safaricom import REACHED_US, was_heard

HEALED_WITHIN = 60  # seconds
COMMANDS = ("export payments", "export receipts", "check-books")
WAITING = "settled_at is null"
UNSENT = "status in ('created', 'sending')"


@dataclass
class Account:
    ours: dict  # our payments, by the customer's attempt
    receipts: list
    theirs: dict  # Safaricom's payments, by phone
    paid: dict  # Safaricom's sum of them


def settle(installation, crowd):
    """Waits for quiet, at most 60 s from now; then nothing may differ. Seconds that it took."""
    crowd.served()
    healed = monotonic()
    while not is_quiet(installation) and monotonic() - healed < HEALED_WITHIN:
        sleep(0.2)
    took = monotonic() - healed
    wrong = [*differences(installation, crowd.customers), *left(installation)]
    assert not wrong, "\n".join([*wrong, f"The logs: {installation.keep_logs()}"])
    return took


def is_quiet(installation):
    return not left(installation) and installation.safaricom.quiet() and all_known(installation)


def left(installation):
    """What is still to be done, or broke for good."""
    facts = {
        "unsent payments": installation.count("payment", UNSENT),
        "unsettled messages": installation.count("callback", WAITING),
        "spooled messages": len(installation.spooled()),
        "dead processes": installation.died(),
    }
    return [f"{name}: {fact}" for name, fact in facts.items() if fact]


def all_known(installation):
    ours = installation.count("payment", "status = 'paid'")
    return ours == installation.safaricom.paid()["count"]


def differences(installation, customers):
    """Sentences; none is right."""
    payments, receipts, books = installation.commands(*COMMANDS)
    yield from [f"check-books: {books.stdout}"] if books.returncode else []
    yield from broken_chains(installation)
    theirs = installation.safaricom.payments()
    account = Account(
        ours={payment["attempt"]: payment for payment in lines(payments)},
        receipts=lines(receipts),
        theirs={payment["phone"]: payment for payment in theirs},
        paid=installation.safaricom.paid(),
    )
    yield from repeated("payments of one attempt", lines(payments), "attempt")
    yield from repeated("prompts on one phone", theirs, "phone")
    yield from repeated("prompts for one invoice", theirs, "account")
    yield from sums(account)
    for customer in customers:
        yield from (f"{customer}: {what}" for what in one(customer, account))


def broken_chains(installation):
    """Questions go on: a chain that grows while it is read looks cut. A broken one stays broken."""
    for _ in range(5):
        audit = installation.flask("verify-audit")
        if audit.returncode == 0:
            return []
    return [f"verify-audit: {audit.stdout}"]


def lines(command):
    command.check_returncode()
    return [json.loads(line) for line in command.stdout.splitlines()]


def repeated(what, rows, name):
    """Each customer has one phone, and buys once: whatever is there twice was done twice."""
    counts = Counter(row[name] for row in rows)
    return [f"{count} {what} {key}" for key, count in counts.items() if count > 1]


def sums(account):
    """Both ways: nothing is lost, and nothing comes from nothing (M1, M2)."""
    paid = [payment for payment in account.ours.values() if payment["status"] == "paid"]
    found = {
        "Safaricom": (account.paid["count"], account.paid["total"]),
        "payments": (len(paid), sum(payment["amount"] for payment in paid)),
        "receipts": (len(account.receipts), sum(row["amount"] for row in account.receipts)),
        "allocated": (len(account.receipts), sum(row["allocated"] for row in account.receipts)),
    }
    codes = {row["code"] for row in account.receipts} - {None}
    known = {row["code"] for row in account.paid["receipts"]}
    yield from [f"sums: {found}"] if len(set(found.values())) > 1 else []
    yield from (f"receipt {code} is not Safaricom's" for code in codes - known)


def one(customer, account):
    """What is wrong with this customer's payment."""
    ours, theirs = account.ours.get(customer.attempt), account.theirs.get(customer.phone)
    if ours is None or ours["token"] != customer.token:
        yield f"the payment that was promised is not there: {ours}"
    elif theirs is None:
        if ours["status"] not in ("failed", "unconfirmed"):
            yield f"{ours['status']}, though Safaricom was never asked"
    elif (theirs["account"], theirs["amount"]) != (ours["invoice"], customer.price):
        yield f"asked {theirs['amount']} for {theirs['account']}: {ours}"
    elif not agree(ours, theirs):
        yield f"Safaricom: {theirs}, we: {ours}"


def agree(ours, theirs):
    answers = {status for status in theirs["callback_statuses"] if isinstance(status, int)}
    if answers - set(REACHED_US):
        return False
    if theirs["state"] == "paid":
        return ours["status"] == "paid" and ours["receipt"] in codes_of(theirs)
    if was_heard(theirs):
        return ours["status"] == "failed"
    return ours["status"] != "paid"


def codes_of(theirs):
    """A receipt's number is unknown only where no message that carries it has reached us."""
    return (theirs["receipt"],) if was_heard(theirs) else (theirs["receipt"], None)
