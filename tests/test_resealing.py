"""Every sealed value can be sealed again under a new key, and none is forgotten."""

import re
from datetime import UTC, datetime

import pyotp
import pytest
import time_machine
from sqlalchemy import LargeBinary, select, text

from app import crypto, merchants, resealing, staff
from app.extensions import db
from app.merchants import mpesa
from app.resealing import COLUMNS
from app.staff import Staff, second_factor, sessions
from tests import factories

OLD, NEW = ("k1", bytes(32)), ("k2", b"\x02" * 32)
INDEXES = re.compile(r"(_index|_hash|^hash|verification_of)$")  # keyed or plain: nothing to open


def test_every_sealed_column_is_known():
    binary = {
        f"{table.name}.{column.name}"
        for table in db.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary) and not INDEXES.search(column.name)
    }
    assert binary == set(map(str, COLUMNS))


@pytest.fixture
def rows(app, plan):
    """A row of everything that is sealed, under the old key."""
    duka = factories.merchant()
    mpesa.set_initiator(duka, "api", "pass word", actor="staff:1")
    payment, hook = factories.pending(plan)
    callback = factories.deliver(hook, factories.success())
    return {
        "duka": duka.slug,
        "person": _person_with_a_phone(),
        "payment": payment.id,
        "callback": callback,
    }


def _person_with_a_phone():
    person = staff.create(merchants.named("default"), "a@duka.test", "owner", "correct horse")
    db.session.commit()
    session, _ = sessions.begin(person, sessions.Place(None, ""))
    enrolment = second_factor.enrol(session)
    code = pyotp.TOTP(enrolment.secret).at(datetime(2026, 11, 23, 12, tzinfo=UTC))
    with time_machine.travel("2026-11-23T12:00:00Z", tick=False):
        assert second_factor.confirm(person, enrolment, code, "staff:1")
    db.session.commit()
    return enrolment.secret


def everything(batch=resealing.batch):
    for sealed in COLUMNS:
        after = 0
        while (done := batch(sealed, after)).last_id is not None:
            assert done.unopened == []
            after = done.last_id
            db.session.commit()


def test_all_of_it_opens_without_the_old_key(rows, set_setting):
    assert all(resealing.keys(sealed) == {"k1": 1} for sealed in COLUMNS)
    set_setting(encryption_keys=(NEW, OLD))
    assert all(resealing.left(sealed) == 1 for sealed in COLUMNS)
    everything()
    assert all(resealing.keys(sealed) == {"k2": 1} for sealed in COLUMNS)
    assert all(resealing.left(sealed) == 0 for sealed in COLUMNS)
    set_setting(encryption_keys=(NEW,))
    db.session.expire_all()
    duka = merchants.named(rows["duka"])
    assert [duka.secret(name) for name in (*merchants.SECRETS, "initiator_password")] == [
        *("k2", "s2", "p2", "pass word")
    ]
    payment = factories.fresh(rows["payment"])
    assert (payment.phone, payment.checkout_request_id) == (factories.PHONE, "ws_CO_1")
    assert payment.invoice.subscription.subscriber.phone == factories.PHONE
    assert b"TKL4H7Q2MX" in factories.callback(rows["callback"]).body
    with time_machine.travel("2026-11-23T13:00:00Z", tick=False):
        code = pyotp.TOTP(rows["person"]).now()
        assert second_factor.accepts(db.session.scalars(select(Staff)).one(), code) == "totp"


def test_what_somebody_holds_is_left_for_the_next_pass(rows, set_setting):
    set_setting(encryption_keys=(NEW, OLD))
    [phones] = [sealed for sealed in COLUMNS if str(sealed) == "payment.phone_sealed"]
    with db.engine.connect() as other:
        other.execute(text("select 1 from payment for no key update"))
        assert resealing.batch(phones, 0).last_id is None
        assert resealing.left(phones) == 1
    assert resealing.batch(phones, 0).changed == 1
    db.session.commit()


def test_a_row_that_is_referred_to_just_now_need_not_wait(rows, set_setting):
    """Foreign keys lock the merchant's row while anybody buys anything."""
    set_setting(encryption_keys=(NEW, OLD))
    with db.engine.connect() as other:
        other.execute(text("select 1 from merchant for key share"))
        assert resealing.batch(COLUMNS[0], 0).changed == 1
    db.session.commit()


def test_a_batch_that_was_not_committed_never_was(rows, set_setting):
    set_setting(encryption_keys=(NEW, OLD))
    assert resealing.batch(COLUMNS[0], 0).changed == 1
    db.session.rollback()
    assert resealing.keys(COLUMNS[0]) == {"k1": 1}


def test_batches_go_on_where_the_rows_are(app, plan, set_setting, monkeypatch):
    payments = [factories.bought(plan, f"25471234567{n}") for n in range(5)]
    set_setting(encryption_keys=(NEW, OLD))
    monkeypatch.setattr(resealing, "AT_ONCE", 2)
    [phones] = [sealed for sealed in COLUMNS if str(sealed) == "payment.phone_sealed"]
    ids = [payment.id for payment in payments]
    first = resealing.batch(phones, 0)
    assert (first.changed, first.last_id) == (2, ids[1])
    db.session.commit()
    assert resealing.batch(phones, 0).last_id == ids[3]  # from the start again: those are done
    db.session.commit()
    assert resealing.batch(phones, ids[3]).last_id == ids[4]
    assert resealing.batch(phones, ids[4]).last_id is None
    db.session.commit()


def test_what_cannot_be_opened_is_named_and_stays_as_it_is(rows, set_setting):
    set_setting(encryption_keys=(NEW, OLD))
    [phones] = [sealed for sealed in COLUMNS if str(sealed) == "subscriber.phone_sealed"]
    db.session.execute(
        text("update subscriber set phone_sealed = overlay(phone_sealed placing '\\x00' from 30)")
    )
    done = resealing.batch(phones, 0)
    assert (done.changed, done.unopened, done.last_id) == (0, [1], 1)
    db.session.rollback()


def test_what_was_never_sealed_is_counted_too(rows):
    db.session.execute(text("update callback set body_sealed = ''"))
    [bodies] = [sealed for sealed in COLUMNS if str(sealed) == "callback.body_sealed"]
    assert resealing.keys(bodies) == {"?": 1}
    db.session.rollback()


def test_a_key_of_another_length_is_another_key(rows, set_setting):
    """`k1` and `k10` begin alike."""
    set_setting(encryption_keys=(("k10", b"\x03" * 32), OLD))
    assert resealing.left(COLUMNS[0]) == 1
    everything()
    set_setting(encryption_keys=(OLD, ("k10", b"\x03" * 32)))
    assert resealing.left(COLUMNS[0]) == 1
    assert crypto.key_id(merchants.named("duka").consumer_key) == "k10"
