"""The pretend Safaricom's strings, pulled over HTTP: what it shall do, and whom it has seen pay."""

from datetime import datetime, timedelta

import requests

from app import clock
from tests.faults.patience import eventually

DELIVERED = timedelta(seconds=3)  # the latest news of our scripts comes 2.3 s after the PIN
REACHED_US = (200, 503)  # 503: kept in the spool


class Safaricom:
    def __init__(self, url):
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def close(self):
        self._session.close()

    def script(self, phone, **script):
        self._tell("script", {"phone": phone, **script})

    def faults(self, **faults):
        self._tell("faults", faults)

    def enter_pin(self, phone):
        self._tell(f"phones/{phone}/answer", {"pin": "1234"})

    def resend(self, payment):
        self._tell(f"payments/{payment['checkout_request_id']}/callback", {})

    def _tell(self, door, words):
        answer = self._session.post(f"{self.url}/control/{door}", json=words, timeout=30)
        assert answer.status_code == 204, answer.text

    def payments(self, **matching):
        return self._ask("payments", matching)

    def paid(self):
        return self._ask("paid", {})

    def _ask(self, door, matching):
        answer = self._session.get(f"{self.url}/control/{door}", params=matching, timeout=30)
        return answer.json()

    def has_asked(self, customers):
        """Waits until their prompts are on the way, whatever has become of our pushes."""
        phones = {customer.phone for customer in customers}
        eventually(
            lambda: phones <= {payment["phone"] for payment in self.payments()},
            60,
            f"prompts for {phones}",
        )

    def quiet(self):
        """Nobody looks at a prompt, and all news is out."""
        return all(is_over(payment) for payment in self.payments())


def is_over(payment):
    """Of a payment as Safaricom tells it."""
    answered = payment["answered_at"]
    quiet = answered and datetime.fromisoformat(answered) < clock.now() - DELIVERED
    return bool(quiet) and not is_being_told(payment)


def is_told(payment):
    """There is news, and we have answered all of it."""
    return bool(payment["callbacks_sent"]) and not is_being_told(payment)


def is_being_told(payment):
    return payment["callbacks_sent"] > len(payment["callback_statuses"])


def was_heard(payment):
    """Whether at least one of its messages reached us."""
    return any(status in REACHED_US for status in payment["callback_statuses"])
