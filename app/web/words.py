"""The sentences, ready for the page: translated, filled in, escaped."""

from dataclasses import dataclass

from markupsafe import Markup

from app.daraja import Reason
from app.payments.states import CREATED, PAID
from app.web import language, sentences, shown
from app.web.facts import Facts
from app.web.failures import REASONS
from app.web.phases import DOUBTFUL, Phase
from app.web.sentences import Copy

Values = dict[str, str]
Button = tuple[str, str]  # what is on it, and what it does
NOTHING: Button = ("", "")
DEFINITE = frozenset(Reason) - DOUBTFUL
WHILE_BUSY = {"unsent": ("safe", sentences.SAFE), "sending": ("hold", sentences.PAID_IF_SMS)}


@dataclass(frozen=True)
class Words:
    title: Markup
    body: Markup
    money: str | None  # safe: nothing was taken; hold: it may have been
    money_text: Markup
    tips: tuple[Markup, ...]
    action: Markup  # on the first button, now
    action_ready: Markup  # and once the wait is over
    does: str  # what it does: see `_actions.html`
    second: Markup
    second_ready: Markup
    second_does: str
    pattern: Markup  # of a button's text during the wait; %s is the time left
    tone: str  # wait | ok | bad | warn | info
    icon: str
    live: str  # for screen readers; plain text, escaped by the template


def of(facts: Facts, phase: Phase) -> Words:
    copy = _copy(facts, phase)
    values = _values(facts)
    title, body = _filled(copy.title, values), _filled(copy.body, values)
    money, money_text = _money(facts, phase)
    (action, does), (second, second_does) = _buttons(copy, facts, phase)
    return Words(
        title=title,
        body=body,
        money=money,
        money_text=_filled(money_text, values),
        tips=tuple(_filled(tip, values) for tip in copy.tips + _excess(facts)),
        action=_now(action, does, phase, values),
        action_ready=_filled(action, values),
        does=does,
        second=_now(second, second_does, phase, values),
        second_ready=_filled(second, values),
        second_does=second_does,
        pattern=_filled(sentences.WAIT, {"wait": "%s"}),
        tone=copy.tone,
        icon=copy.icon,
        live=_live(copy.live, values) or f"{title.striptags()}. {body.striptags()}",
    )


def _copy(facts: Facts, phase: Phase) -> Copy:
    if facts.closed:
        return sentences.CLOSED[facts.closed]
    if phase.name == "failed":
        return REASONS.get(facts.reason or "", REASONS[Reason.UNKNOWN])
    if facts.status == PAID and facts.paid_through is None:
        return sentences.SHORT if facts.invoice_open else sentences.TWICE
    return sentences.BUSY.get(_busy(facts, phase), sentences.PHASES[phase.name])


def _busy(facts: Facts, phase: Phase) -> str:
    """How M-PESA's sickness meets a payment; one whose prompt is on the phone goes on as usual."""
    if facts.busy_until is None or phase.name not in sentences.BUSY:
        return ""
    return "unsent" if facts.status == CREATED else phase.name


def _values(facts: Facts) -> Values:
    received = facts.amount if facts.received is None else facts.received
    return {
        "phone": facts.phone,
        "amount": shown.ksh(facts.amount),
        "received": shown.ksh(received),
        "excess": shown.ksh(received - facts.amount),
        "plan": facts.plan,
        "until": shown.nairobi_date(facts.paid_through) if facts.paid_through else "",
        "merchant": facts.merchant,
        "reference": facts.reference,
        "code": facts.code or "–",  # noqa: RUF001
        "spelled": shown.spelled(facts.receipt or ""),
    }


def _money(facts: Facts, phase: Phase) -> tuple[str | None, str]:
    """ "Not charged" is said on Safaricom's definite word, or when nothing was sent, and never else."""
    if phase.name == "unconfirmed" or facts.reason == Reason.NO_ANSWER:
        return "hold", sentences.PAID_IF_SMS
    if phase.name != "failed" or facts.closed == "paid":
        return WHILE_BUSY.get(_busy(facts, phase), (None, ""))
    if facts.reason in DEFINITE:
        return "safe", sentences.SAFE
    return "hold", sentences.CHECK_SMS


def _buttons(copy: Copy, facts: Facts, phase: Phase) -> tuple[Button, Button]:
    second = (copy.second, copy.second_does)
    if phase.name == "unconfirmed" and not phase.wait and not facts.closed:
        second = (sentences.NEW_REQUEST, "retry")
    wanted = [(copy.action, copy.does), second]
    if not facts.support:
        wanted = [button for button in wanted if button[1] != "contact"]
    first, second, *_none = [*wanted, NOTHING, NOTHING]
    return first, second


def _excess(facts: Facts) -> tuple[str, ...]:
    much = facts.paid_through and facts.received and facts.received > facts.amount
    return (sentences.TOO_MUCH,) if much else ()


def _now(text: str, does: str, phase: Phase, values: Values) -> Markup:
    if does == "retry" and phase.wait:
        return _filled(sentences.WAIT, {"wait": shown.minutes(phase.wait)})
    return _filled(text, values)


def _filled(msgid: str, values: Values) -> Markup:
    """Markup is only in our own sentences: `%` escapes every value."""
    return Markup(language.said(msgid)) % values if msgid else Markup()  # noqa: S704


def _live(msgid: str, values: Values) -> str:
    return language.said(msgid) % values if msgid else ""
