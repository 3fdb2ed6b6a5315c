"""A few seconds of strangers at every door; `make fuzz` has the long round."""

from tests.fuzz import visiting

FEW = 400


def test_no_door_gives_way(go_round):
    visitors = go_round(FEW)
    assert visitors.wrong == []
    assert sum(visitors.seen.values()) >= FEW * 0.9
    assert visiting.unfit_columns() == {}
