"""The work itself. Each step claims one row, does it, commits; it is safe to run anywhere, twice."""

from collections.abc import Callable
from itertools import cycle
from time import monotonic, sleep

from flask import Flask, current_app
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
    Unreadable,
    Verdict,
)
from app.errors import Surprise
from app.extensions import db
from app.jobs import tell
from app.jobs.lanes import Lanes
from app.jobs.tokens import RedisTokens
from app.logs import log
from app.payments import charging, inbox, plain, reconciliation, settlement
from app.payments.models import Callback
from app.settings import settings

AT_ONCE = 50  # messages in one commit
PROMPT_LANES = 64
QUESTION_LANES = 64
DRAIN_SECONDS = 40  # a push that was begun is answered, or times out
LANES = "malipo.lanes"
CLIENTS = "malipo.clients"
STUBBORN_PAUSES = (0.2, 0.5, 1, 2, 4, 8)  # seconds: PostgreSQL restarts in less


def _made(app: Flask) -> dict[str, Lanes]:
    return {
        "send": Lanes(app, send_one, PROMPT_LANES),
        "ask": Lanes(app, ask_one, QUESTION_LANES),
        "tell": Lanes(app, tell.tell_one, 1),
    }


def lanes(name: str) -> Lanes:
    return _all_lanes()[name]


def _all_lanes() -> dict[str, Lanes]:
    """This application's, made when somebody wants them: most commands do not."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - as Flask's documentation has it
    if (
        LANES not in app.extensions
    ):  # two threads may both find none; the first one's are everybody's
        app.extensions.setdefault(LANES, _made(app))
    found: dict[str, Lanes] = app.extensions[LANES]
    return found


def close_lanes() -> None:
    """Finishes what was begun with Safaricom, both kinds at once, and begins nothing more."""
    all_lanes = _all_lanes()
    for lane in all_lanes.values():
        lane.close(0)
    deadline = monotonic() + DRAIN_SECONDS
    for lane in all_lanes.values():
        lane.wait(max(0.0, deadline - monotonic()))


def send_prompts() -> None:
    lanes("send").open()


def ask_questions() -> None:
    lanes("ask").open()


def settle_inbox() -> None:
    """Newest first, every fourth the oldest: a backlog does not slow a fresh payment."""
    try:
        for oldest in cycle((False, False, False, True)):
            if not settle_some(oldest=oldest):
                return
    except BaseException:  # the process goes on, and must not keep a broken transaction
        db.session.remove()
        raise


def send_one() -> bool:
    """Sends the oldest unsent prompt. No transaction is open while Safaricom thinks."""
    claimed = charging.claim()
    db.session.commit()
    if claimed is None:
        return False
    client = daraja_client(claimed.credentials)
    try:
        answer = client.stk_push(claimed.prompt)
    except Refused as refusal:
        no = refusal
        _stubbornly(lambda: charging.refused(claimed.payment_id, no))
    except NoAnswer:
        _stubbornly(lambda: charging.unanswered(claimed.payment_id))
    else:
        _stubbornly(lambda: charging.accepted(claimed.payment_id, answer))
    return True


def ask_one() -> bool:
    """Asks the most urgent question that is due."""
    question = reconciliation.claim()
    db.session.commit()
    if question is None:
        return False
    answer = Answer(Verdict.UNKNOWN, "", None)
    if question.checkout_request_id is not None:
        client = daraja_client(question.credentials)
        try:
            answer = client.stk_query(question.checkout_request_id)
        except Throttled as error:
            seconds = error.retry_after
            _stubbornly(lambda: reconciliation.throttled(question.payment_id, seconds))
            return True
    _stubbornly(lambda: reconciliation.answered(question.payment_id, answer))
    return True


def settle_some(*, oldest: bool = False) -> bool:
    """The plain ones of several messages together; then the odd ones, each by itself."""
    found = inbox.due(AT_ONCE, oldest=oldest)
    if not found:
        db.session.rollback()
        return False
    waiting = [callback.id for callback in found]
    settled: set[int] = set()
    try:
        settled = plain.settle(found)
        db.session.commit()
    except Exception:  # noqa: BLE001 - one of them, and nobody knows which: each gets its own try
        log().exception("messages not settled together", callbacks=waiting)
        db.session.rollback()
        settled = set()
    for callback_id in waiting:
        if callback_id not in settled:
            _settle_alone(inbox.still_due(callback_id))
    return True


def settle_one(*, oldest: bool = False) -> bool:
    """Settles a message that waits. One that raises is kept, tried later, then parked."""
    return _settle_alone(inbox.next_due(oldest=oldest))


def _settle_alone(callback: Callback | None) -> bool:
    if callback is None:
        db.session.rollback()
        return False
    callback_id = callback.id
    try:
        settlement.settle(callback)
        db.session.commit()
    except Unreadable as error:
        _put_aside(callback_id, inbox.park, str(error))
    except Exception as error:  # noqa: BLE001 - whatever it was, the message must not be lost
        log().exception("callback not settled", callback=callback_id)
        text = str(error) if isinstance(error, Surprise) else type(error).__name__
        _put_aside(callback_id, inbox.postpone, text)
    return True


def _put_aside(callback_id: int, how: Callable[[int, str], None], error: str) -> None:
    db.session.rollback()
    how(callback_id, error)
    db.session.commit()


def _stubbornly(record: Callable[[], None]) -> None:
    """What Safaricom has answered is written down even while PostgreSQL restarts."""
    for pause in STUBBORN_PAUSES:
        try:
            record()
            db.session.commit()
        except SQLAlchemyError as error:  # restart, failover, an empty pool: all of them pass
            log().warning("answer not written yet", error=type(error).__name__)
            db.session.rollback()
            sleep(pause)
        else:
            return
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
