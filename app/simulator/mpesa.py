"""M-PESA itself: prompts reach phones, people answer or do not, money moves, news goes out."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random
from threading import Event, RLock

from app.clock import now
from app.simulator import callbacks, phones, words
from app.simulator.answers import Refusal
from app.simulator.books import Books, Text
from app.simulator.callbacks import Plan
from app.simulator.courier import Courier
from app.simulator.journal import Journal
from app.simulator.merchants import Merchants, QuestionMeter, Tokens
from app.simulator.payments import Order, Payment
from app.simulator.scheduler import Scheduler
from app.simulator.scripts import Script, ScriptBook
from app.simulator.settings import Faults, SimulatorSettings

PIN = "1234"
AUTOMATIC_SECONDS = 1.0
# What ends with somebody at the phone; every other outcome ends before a message is shown.
PROMPTING = {"person", "paid", "no_pin", "0", "1", "1019", "1031", "1032", "2001"}


class Mpesa:
    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self._random = Random(settings.seed)  # noqa: S311  # it seeds demos, it guards nothing
        self._lock = RLock()
        self._stopping = Event()
        self._scheduler = Scheduler()
        self.journal = Journal()
        self.courier = Courier(self.journal)
        self.scripts = ScriptBook()
        self.tokens = Tokens(self._random)
        self.meter = QuestionMeter()
        self.merchants = Merchants(settings.merchant(), accept_any=settings.accept_any_credentials)
        self.reset()

    def reset(self) -> None:
        """Forgets payments, scripts, faults and the log; tokens and merchants stay."""
        with self._lock:
            self._scheduler.clear()
            self.scripts.clear()
            self.meter.clear()
            self.journal.clear()
            self._books = Books(self._random, self.settings.balance)
            self.faults = Faults(
                hang_seconds=self.settings.hang_seconds,
                second_prompt=self.settings.second_prompt,
            )

    def stop(self) -> None:
        self._stopping.set()
        for payment in self.payments():
            payment.delivered.set()
        self._scheduler.stop()
        self.courier.stop()

    def nap(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def take_script(self, order: Order) -> Script:
        """A push that meets a busy phone must not use up the script of the next."""
        with self._lock:
            self._refuse_if_busy(order)
            return self.scripts.take(order.phone)

    def accept(self, order: Order, script: Script) -> Payment:
        with self._lock:
            self._refuse_if_busy(order)
            if order.misrouted:
                script = replace(script, outcome=words.MISROUTED)
            if order.phone in self._books.busy:
                script = replace(script, outcome=words.LOCKED)
            payment = self._books.open(order, script)
            self._start(payment)
        return payment

    def _refuse_if_busy(self, order: Order) -> None:
        if order.phone in self._books.busy and self.faults.second_prompt == "refuse":
            raise Refusal(500, "500.001.1001", words.SUBSCRIBER_LOCKED)

    def _start(self, payment: Payment) -> None:
        script = payment.script
        delay = seconds(script.prompt_delay, self.settings.prompt_delay)
        if script.outcome in PROMPTING:
            self._scheduler.after(delay, partial(self._show_prompt, payment))
        else:
            delay += seconds(script.pin_after, AUTOMATIC_SECONDS)
            self._scheduler.after(delay, partial(self._finish, payment, script.outcome))

    def _show_prompt(self, payment: Payment) -> None:
        with self._lock:
            payment.prompted_at = now()
            self.journal.note(f"Message shown on {phones.pretty(payment.order.phone)}")
            patience = seconds(payment.script.prompt_seconds, self.settings.prompt_seconds)
            self._scheduler.after(patience, partial(self._give_up, payment))
            answer = self._automatic_answer(payment)
            if answer is not None:
                wait = seconds(payment.script.pin_after, AUTOMATIC_SECONDS)
                self._scheduler.after(wait, answer)

    def _automatic_answer(self, payment: Payment) -> Callable[[], object] | None:
        outcome = payment.script.outcome
        if outcome == "no_pin":
            return None
        if outcome == "person" and payment.script.pin_after is None:
            return None
        return partial(self._finish, payment, verdict(outcome, PIN))

    def _give_up(self, payment: Payment) -> None:
        self._finish(payment, words.UNREACHABLE, words.NO_ANSWER)

    def answer(self, phone: str, pin: str | None) -> bool:
        """Somebody presses OK, or CANCEL (no PIN); False when the phone shows no message."""
        with self._lock:
            payment = self._books.prompt_on(phone)
            if payment is None:
                return False
            self._finish(payment, verdict(payment.script.outcome, pin))
            return True

    def _finish(self, payment: Payment, code: str, description: str | None = None) -> None:
        with self._lock:
            if payment.state != "open":
                return
            if code == words.PAID and self.balance(payment.order.phone) < payment.order.amount:
                code = words.NO_MONEY
            self._books.close(payment, code, description or words.describe(code))
            self.journal.note(story(payment))
            self._spread(payment, callbacks.plan(payment))

    def _spread(self, payment: Payment, plan: Plan) -> None:
        delay = seconds(payment.script.callback_delay, self.settings.callback_delay)
        deliver = partial(self.courier.deliver, payment, plan.bodies, together=plan.together)
        self._scheduler.after(delay + plan.delay, deliver)

    def answer_questions(self, query: str) -> None:
        """From now on, about every payment there is."""
        for payment in self.payments():
            payment.script = replace(payment.script, query=query)

    def find(self, checkout_request_id: str) -> Payment | None:
        with self._lock:
            return self._books.payments.get(checkout_request_id)

    def payments(self) -> list[Payment]:
        with self._lock:
            return list(self._books.payments.values())

    def prompt_on(self, phone: str) -> Payment | None:
        with self._lock:
            return self._books.prompt_on(phone)

    def last_prompted(self) -> str | None:
        with self._lock:
            return self._books.last_prompted()

    def texts(self, phone: str) -> list[Text]:
        with self._lock:
            return list(self._books.texts.get(phone, []))

    def balance(self, phone: str) -> int:
        with self._lock:
            return self._books.balance(phone)

    def endow(self, phone: str, balance: int) -> None:
        with self._lock:
            self._books.endow(phone, balance)

    def language(self, phone: str) -> str:
        with self._lock:
            return self._books.language(phone)

    def speak(self, phone: str, language: str) -> None:
        with self._lock:
            self._books.speak(phone, language)

    def made_up_receipt(self) -> str:
        with self._lock:
            return self._books.new_receipt()


def verdict(outcome: str, pin: str | None) -> str:
    if pin is None:
        return words.CANCELLED
    if outcome in ("person", "no_pin"):
        return words.PAID if pin == PIN else words.WRONG_PIN
    return words.PAID if outcome == "paid" else outcome


def story(payment: Payment) -> str:
    who = phones.pretty(payment.order.phone)
    if payment.state == "paid":
        return f"{who} paid {words.money(payment.order.amount)}: {payment.receipt}"
    return f"{who}: {payment.code} {payment.description}"


def seconds(scripted: float | None, usual: float) -> float:
    return usual if scripted is None else scripted
