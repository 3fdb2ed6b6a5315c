"""`flask callbacks`: what could not be settled is listed, and can be tried again."""

import pytest
from sqlalchemy import update

from app import crypto
from app.extensions import db
from app.jobs import work
from app.payments.models import Callback
from tests import factories


@pytest.fixture
def parked(plan):
    """A message that nobody could read: its payment and its id."""
    payment, hook = factories.pending(plan)
    callback_id = factories.deliver(hook, b"<html>")
    work.settle_inbox()
    return payment, callback_id


def test_where_all_is_settled_nothing_is_listed(plan, cli):
    _, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    result = cli.invoke(args=["callbacks"])
    assert (result.exit_code, result.output) == (0, "")


def test_a_parked_message_is_listed_without_its_body(parked, cli):
    payment, callback_id = parked
    [line] = cli.invoke(args=["callbacks"]).output.splitlines()
    assert line.startswith(f"{callback_id}  payment {payment.id}  received ")
    assert "  parked  " in line
    assert "html" not in line


def test_a_message_that_waits_is_listed_with_its_next_try(plan, cli):
    _, hook = factories.pending(plan)
    callback_id = factories.deliver(hook, factories.success())
    db.session.execute(update(Callback).values(body_sealed=b"nonsense"))
    db.session.commit()
    work.settle_inbox()
    [line] = cli.invoke(args=["callbacks"]).output.splitlines()
    assert line.startswith(f"{callback_id}  ")
    assert "  tries 1  next try 20" in line


@pytest.mark.parametrize("which", ["the id", "all"])
def test_a_message_that_can_be_read_again_is_settled(parked, cli, set_setting, which):
    payment, callback_id = parked
    seal = crypto.seal(factories.success(), _place(callback_id))
    db.session.execute(update(Callback).values(body_sealed=seal))
    db.session.commit()
    result = cli.invoke(args=["callbacks", "replay", "all" if which == "all" else str(callback_id)])
    assert (result.exit_code, result.output) == (0, "1 replayed\n")
    assert factories.fresh(payment.id).status == "paid"


def _place(callback_id):
    return f"callback.body|{factories.callback(callback_id).uid}"


def test_a_message_that_still_cannot_be_read_is_parked_again(parked, cli):
    _, callback_id = parked
    result = cli.invoke(args=["callbacks", "replay", str(callback_id)])
    assert result.exit_code == 0
    first, second = result.output.splitlines()
    assert first == "1 replayed"
    assert second.startswith(f"{callback_id}  ")


@pytest.mark.parametrize("which", ["999", "9" * 30])
def test_what_is_not_there_is_not_replayed(parked, cli, which):
    result = cli.invoke(args=["callbacks", "replay", which])
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("which", ["one", "-1", "1.5", "٣", ""])
def test_what_is_no_number_is_said(parked, cli, which):
    result = cli.invoke(args=["callbacks", "replay", "--", which])
    assert result.exit_code == 1
    assert result.output == "Error: Name a callback by its number, or say 'all'.\n"
