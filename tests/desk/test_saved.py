"""Lists under a name."""

import pytest

from app import merchants
from app.desk import saved
from app.desk.saved import Owner
from app.errors import Refused
from app.extensions import db
from tests import factories
from tests.web.admin.desk import hire


@pytest.fixture
def owner(app):
    return Owner(hire().id, merchants.named("default").id)


def names(owner):
    return [view.name for view in saved.of(owner)]


def test_a_view_is_kept_for_its_owner_only(owner):
    saved.save(owner, " Failed\x00  today ", "status=failed&days=today&evil=1")
    db.session.commit()
    [view] = saved.of(owner)
    assert (view.name, view.query) == ("Failed today", "status=failed&days=today")
    assert saved.of(Owner(hire().id, owner.merchant_id)) == []
    assert saved.of(Owner(owner.staff_id, factories.merchant().id)) == []


def test_the_same_name_twice_is_refused(owner):
    saved.save(owner, "Mine", "status=paid")
    with pytest.raises(Refused, match="already"):
        saved.save(owner, "Mine", "status=failed")


@pytest.mark.parametrize(
    ("name", "query"),
    [("", "status=paid"), ("x" * 61, "status=paid"), ("All", ""), ("All", "evil=1")],
)
def test_a_view_has_a_name_and_a_filter(owner, name, query):
    with pytest.raises(Refused):
        saved.save(owner, name, query)


def test_nobody_has_more_than_twenty(owner):
    for n in range(20):
        saved.save(owner, f"View {n}", "status=paid")
    with pytest.raises(Refused, match="20 views"):
        saved.save(owner, "One more", "status=paid")


def test_only_the_owner_deletes(owner):
    saved.save(owner, "Mine", "status=paid")
    [view] = saved.of(owner)
    assert not saved.remove(Owner(hire().id, owner.merchant_id), view.id)
    assert not saved.remove(owner, view.id + 1)
    assert saved.remove(owner, view.id)
    assert names(owner) == []
