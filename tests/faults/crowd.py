"""Customers: each has a phone of its own, buys once in a browser, and reloads when that fails."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Thread
from time import monotonic, sleep

import requests

PATIENCE = 60  # seconds
PRICES = {"daily": 20, "standard": 1499, "yearly": 14_999}
FIELD = 'name="{}"[^>]*? value="([^"]+)"'
TOO_LATE = 500  # and above: the person tries again
BUSY = 429  # told that M-PESA is, they wait, and insist


@dataclass
class Customer:
    phone: str
    plan: str
    script: dict
    attempt: str = ""
    token: str = ""
    refusals: list = field(default_factory=list)  # what came instead of an answer
    took: float = 0  # seconds: the last request

    @property
    def price(self):
        return PRICES[self.plan]

    def buy(self, shop):
        url = f"{shop}/subscribe/{self.plan}"
        with requests.Session() as browser:
            browser.trust_env = False
            form = self._patiently(lambda: browser.get(url, timeout=5)).text
            words = {name: found(name, form) for name in ("csrf_token", "attempt")}
            self.attempt = words["attempt"]
            words |= {"phone": f"0{self.phone[3:]}", "anyway": "1"}
            answer = self._patiently(
                lambda: browser.post(url, data=words, timeout=5, allow_redirects=False)
            )
        assert answer.status_code == 303, f"{answer.status_code} after {self.refusals}"
        self.token = answer.headers["Location"].rpartition("/")[2]

    def status(self, shop):
        """As programs are told it: the table does not show whose row is whose."""
        with requests.Session() as program:
            program.trust_env = False
            plain = {"Accept": "application/json"}
            answer = program.get(f"{shop}/pay/{self.token}/status", headers=plain, timeout=5)
        return answer.json()["status"]

    def _patiently(self, ask):
        """The same request again, as a reload sends it: the same attempt."""
        deadline = monotonic() + PATIENCE
        while True:
            asked = monotonic()
            try:
                answer = ask()
            except requests.RequestException as error:
                self.refusals.append(type(error).__name__)
            else:
                self.took = monotonic() - asked
                if answer.status_code < TOO_LATE and answer.status_code != BUSY:
                    return answer
                self.refusals.append(answer.status_code)
            assert monotonic() < deadline, f"no answer for {PATIENCE} s: {self.refusals}"
            sleep(0.3)


def found(name, form):
    [value] = re.findall(FIELD.format(name), form)
    return value


class Crowd:
    """Everybody who ever came to this installation."""

    def __init__(self, installation, luck):
        self.customers = []
        self._installation = installation
        self.luck = luck
        self._browsers = ThreadPoolExecutor(8, thread_name_prefix="browser")
        self._buying = []

    def come(self, count, **script):
        """So many customers, at once, whose payments go as scripted; returns before they are done."""
        return [self._one(script) for _ in range(count)]

    def _one(self, script):
        phone = f"2547{len(self.customers):08d}"
        customer = Customer(phone, self.luck.choice(list(PRICES)), script)
        self.customers.append(customer)
        self._buying.append(self._browsers.submit(self._buy, customer))
        return customer

    def _buy(self, customer):
        self._installation.safaricom.script(customer.phone, **customer.script)
        customer.buy(self._installation.web)

    def served(self):
        """Waits until everybody who came has been sent to a payment page."""
        buying, self._buying = self._buying, []
        for one in buying:
            one.result()

    def close(self):
        self._browsers.shutdown(cancel_futures=True)


class Stream:
    """Customers one after another, until the block ends; `mix` draws what the next one does."""

    def __init__(self, crowd, mix, a_second):
        self._crowd, self._mix, self._pause = crowd, mix, 1 / a_second
        self._ended = Event()
        self._thread = Thread(target=self._run, name="stream")

    def _run(self):
        while not self._ended.wait(self._pause):
            self._crowd.come(1, **self._mix())

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()
        self._crowd.served()
