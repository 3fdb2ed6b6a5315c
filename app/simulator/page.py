"""The phone on the screen, and the knobs beside it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from app.clock import NAIROBI, now
from app.simulator import choices, phones, speech, words
from app.simulator.books import Text
from app.simulator.choices import Choice
from app.simulator.headers import guarded
from app.simulator.mpesa import PIN
from app.simulator.payments import Payment
from app.simulator.rules import BadInstruction, checked, matching
from app.simulator.scripts import RULES
from app.simulator.speech import SPEECHES, Speech
from app.simulator.state import mpesa

page = Blueprint("page", __name__)
page.after_request(guarded)

LINES = 20
TEXTS = 10
DEMO = "demo"  # the view in /demo's frame: what its surroundings say already is left out


@dataclass(frozen=True)
class Phone:
    number: str
    pretty: str
    clock: str
    date: str
    texts: list[Text]
    prompt: Payment | None
    question: str
    language: str
    speech: Speech
    balance: str


@page.get("/")
def home() -> str:
    shown = shown_phone()
    knobs = choices.knobs(mpesa().scripts.standing(), mpesa().settings)
    return render_template(
        "simulator.html",
        phone=phone_view(shown),
        languages=SPEECHES,
        pin=PIN,
        outcomes=outcomes(),
        knobs=knobs,
        unusual=choices.unusual(knobs),
        known=sorted({phones.pretty(one.order.phone) for one in mpesa().payments()}),
        log=log_lines(),
        checkout_url=mpesa().settings.checkout_url,
        chosen=request.args.get("phone", ""),
        view=view(),
    )


def shown_phone() -> str:
    asked = phones.read(request.args.get("phone", ""))
    return asked or mpesa().last_prompted() or phones.DEFAULT


def view() -> str | None:
    return DEMO if request.values.get("view") == DEMO else None


def phone_view(number: str) -> Phone:
    at = now().astimezone(NAIROBI)
    prompt = mpesa().prompt_on(number)
    language = mpesa().language(number)
    return Phone(
        number=number,
        pretty=phones.pretty(number),
        clock=clock(at),
        date=f"{at:%A}, {at.day} {at:%B}",
        texts=mpesa().texts(number)[: -TEXTS - 1 : -1],
        prompt=prompt,
        question=speech.question(language, prompt.order) if prompt else "",
        language=language,
        speech=SPEECHES[language],
        balance=words.money(mpesa().balance(number)),
    )


def outcomes() -> list[tuple[Choice, bool]]:
    upcoming = mpesa().scripts.upcoming().outcome
    return [(choice, choice.value == upcoming) for choice in choices.OUTCOMES]


def log_lines() -> list[tuple[str, str, str]]:
    newest = mpesa().journal.entries()[: -LINES - 1 : -1]
    return [(clock(entry.at, "%H:%M:%S"), entry.what, entry.result) for entry in newest]


@page.app_template_filter()
def clock(at: datetime, form: str = "%H:%M") -> str:
    return at.astimezone(NAIROBI).strftime(form)


@page.post("/phone/answer")
def answer() -> BaseResponse:
    pin = None if request.form.get("do") == "cancel" else request.form.get("pin", "")
    if not mpesa().answer(number_in_hand(), pin):
        mpesa().journal.note(f"No message to answer on {phones.pretty(number_in_hand())}")
    return back()


@page.post("/phone/language")
def language() -> BaseResponse:
    chosen = checked({"language": request.form.get("language")}, {"language": speech.LANGUAGE})
    mpesa().speak(number_in_hand(), chosen["language"])
    return back()


def number_in_hand() -> str:
    return phones.read(request.form.get("phone", "")) or phones.DEFAULT


@page.post("/phone/outcome")
def outcome() -> BaseResponse:
    chosen = checked({"outcome": request.form.get("outcome")}, RULES)
    mpesa().scripts.next_outcome(chosen["outcome"])
    return back()


@page.post("/phone/behaviour")
def behaviour() -> BaseResponse:
    """Queries change for the payments under way too: the page is for a person who watches them."""
    changes: dict[str, Any] = {
        name: request.form[name] for name in ("callback", "query", "push") if request.form.get(name)
    }
    if delay := request.form.get("prompt_delay"):
        changes["prompt_delay"] = float(checked({"delay": delay}, DELAY_RULES)["delay"])
    mpesa().scripts.behave(checked(changes, RULES))
    if "query" in changes:
        mpesa().answer_questions(changes["query"])
    return back()


DELAY_RULES = {"delay": matching(r"[0-9]{1,3}(\.[0-9]{1,3})?")}


@page.post("/phone/clear")
def clear_log() -> BaseResponse:
    mpesa().journal.clear()
    return back()


@page.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok"}


def back() -> BaseResponse:
    chosen = request.form.get("chosen") or None
    return redirect(url_for("page.home", phone=chosen, view=view()), 303)


@page.errorhandler(BadInstruction)
def bad_choice(error: BadInstruction) -> Response:
    return Response(str(error), 400, mimetype="text/plain")
