"""The work itself. Each step claims rows, does them, commits; it is safe to run anywhere, twice."""

from collections.abc import Callable
from itertools import cycle
from time import monotonic
from typing import Any, TypeVar

from flask import Flask, current_app

from app import direct
from app.daraja import Unreadable
from app.errors import Surprise
from app.extensions import db
from app.jobs import tell
from app.jobs.calls import Calls, Kind
from app.jobs.lanes import Lanes
from app.jobs.safaricom import PROMPTS, QUESTIONS
from app.logs import log
from app.payments import chains, inbox, plain, settlement
from app.payments.models import Callback

AT_ONCE = 50  # messages in one commit
PROMPT_LANES = 64
QUESTION_LANES = 64
DRAIN_SECONDS = 40  # a push that was begun is answered, or times out
LANES = "malipo.lanes"

Workers = Lanes | Calls[Any, Any]
C = TypeVar("C")
H = TypeVar("H")


def _made(app: Flask) -> dict[str, Workers]:
    return {
        "send": Calls(app, PROMPTS, PROMPT_LANES),
        "ask": Calls(app, QUESTIONS, QUESTION_LANES),
        "settle": Lanes(app, settle_some, 1),
        "tell": Lanes(app, tell.tell_one, 1),
    }


def lanes(name: str) -> Workers:
    return _all_lanes()[name]


def _all_lanes() -> dict[str, Workers]:
    """This application's, made when somebody wants them: most commands do not."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - as Flask's documentation has it
    if (
        LANES not in app.extensions
    ):  # two threads may both find none; the first one's are everybody's
        app.extensions.setdefault(LANES, _made(app))
    found: dict[str, Workers] = app.extensions[LANES]
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
    """Newest first, every fourth the oldest: a backlog does not slow a fresh payment.

    Beside a backlog a second thread does the same: PostgreSQL works for the one while Python does
    for the other. They share no row (SKIP LOCKED), and lock in one order.
    """
    try:
        for oldest in cycle((False, False, False, True)):
            found = settle_some(oldest=oldest)
            if found < AT_ONCE:  # whatever has come since then has rung
                break
            lanes("settle").open()
        lanes("settle").wait()
    except BaseException:  # the process goes on, and must not keep a broken transaction
        db.session.remove()
        raise


def send_one() -> bool:
    """Sends the oldest unsent prompt, here and now."""
    return _one(PROMPTS)


def ask_one() -> bool:
    """Asks the most urgent question that is due, here and now."""
    return _one(QUESTIONS)


def _one(kind: Kind[C, H]) -> bool:
    found = kind.claim(1)
    db.session.commit()
    for claimed in found:
        kind.note_alone(claimed, kind.call(claimed))
    return bool(found)


def settle_some(*, oldest: bool = False) -> int:
    """The plain ones of several messages together; then the odd ones, each by itself. How many."""
    rows = direct.of_session()
    found = chains.due(rows, AT_ONCE, oldest=oldest)
    if not found:
        db.session.rollback()
        return 0
    waiting = [message.callback.id for message in found]
    settled: set[int] = set()
    try:
        settled = plain.settle(rows, found)
        db.session.commit()
    except Exception:  # noqa: BLE001 - one of them, and nobody knows which: each gets its own try
        log().exception("messages not settled together", callbacks=waiting)
        db.session.rollback()
        settled = set()
    for callback_id in waiting:
        if callback_id not in settled:
            _settle_alone(inbox.still_due(callback_id))
    return len(waiting)


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
