"""What is asked of Safaricom: prompts and questions, how each is called, and how its answer is noted."""

from collections.abc import Callable, Sequence
from threading import BoundedSemaphore
from time import sleep

from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from app.daraja import (
    Answer,
    Client,
    Credentials,
    NoAnswer,
    Refused,
    Throttled,
    Timeouts,
    Tokens,
    Verdict,
)
from app.extensions import db
from app.jobs.calls import Kind
from app.jobs.tokens import RedisTokens
from app.logs import log
from app.payments import reconciliation, sending
from app.payments.locking import locked
from app.payments.reconciliation import Question
from app.payments.sending import Claimed, Heard
from app.settings import settings

CLIENTS = "malipo.clients"
STUBBORN_PAUSES = (0.2, 0.5, 1, 2, 4, 8)  # seconds: PostgreSQL restarts in less
# So many threads write alone at once: more would each open a connection beyond the pool's, and close it.
TURNS = BoundedSemaphore(4)


def _push(claimed: Claimed) -> Heard:
    """What Safaricom says to it. No transaction is open while it thinks."""
    client = daraja_client(claimed.credentials)
    try:
        return client.stk_push(claimed.prompt)
    except Refused as refusal:
        return refusal
    except NoAnswer:
        return None


def _note_prompts(heard: Sequence[tuple[Claimed, Heard]]) -> set[int]:
    noted = sending.hear_all({claimed.payment_id: answer for claimed, answer in heard})
    return {place for place, (claimed, _) in enumerate(heard) if claimed.payment_id in noted}


def _note_prompt(claimed: Claimed, heard: Heard) -> None:
    _stubbornly(lambda: sending.hear(locked(claimed.payment_id), heard))


PROMPTS = Kind("send_prompts", sending.claim, _push, _note_prompts, _note_prompt)


def _ask(question: Question) -> Answer | Throttled:
    if question.checkout_request_id is None:
        return Answer(Verdict.UNKNOWN, "", None)
    try:
        return daraja_client(question.credentials).stk_query(question.checkout_request_id)
    except Throttled as error:
        return error


def _note_answers(heard: Sequence[tuple[Question, Answer | Throttled]]) -> set[int]:
    """A shortcode that Safaricom slows down is locked by whoever notes it, alone."""
    answers = {q.payment_id: answer for q, answer in heard if isinstance(answer, Answer)}
    noted = reconciliation.answered_all(answers)
    return {place for place, (question, _) in enumerate(heard) if question.payment_id in noted}


def _note_answer(question: Question, heard: Answer | Throttled) -> None:
    if isinstance(heard, Throttled):
        seconds = heard.retry_after
        _stubbornly(lambda: reconciliation.throttled(question.payment_id, seconds))
    else:
        answer = heard
        _stubbornly(lambda: reconciliation.answered(question.payment_id, answer))


QUESTIONS = Kind("ask_questions", reconciliation.claim_some, _ask, _note_answers, _note_answer)


def _stubbornly(record: Callable[[], None]) -> None:
    """What Safaricom has answered is written down even while PostgreSQL restarts."""
    for pause in STUBBORN_PAUSES:
        try:
            _write(record)
        except SQLAlchemyError as error:  # restart, failover, an empty pool: all of them pass
            log().warning("answer not written yet", error=type(error).__name__)
            db.session.rollback()
            sleep(pause)
        else:
            return
    _write(record)


def _write(record: Callable[[], None]) -> None:
    with TURNS:
        record()
        db.session.commit()


def daraja_client(credentials: Credentials) -> Client:
    """One client, with its connections, for a merchant's credentials in this process."""
    clients: dict[Credentials, Client] = current_app.extensions.setdefault(CLIENTS, {})
    if credentials not in clients:
        ours = settings()
        clients[credentials] = Client(
            credentials,
            Tokens(RedisTokens(ours.redis_url)),
            Timeouts(ours.push_connect_seconds, ours.push_read_seconds),
        )
    return clients[credentials]
