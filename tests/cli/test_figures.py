"""`flask figures`: from nothing, and over what somebody has spoilt."""

import time_machine
from sqlalchemy import text, update

from app.desk import days, figures
from app.desk.figure_models import DayFigure
from app.extensions import db
from tests import factories
from tests.desk.telling import NOON, ago, attempt, ours, paid


def test_every_day_is_counted_again(plan, cli):
    factories.merchant()
    with time_machine.travel(NOON, tick=False):
        for back in (5, 3, 0):
            with ago(days=back):
                attempt(plan, paid)
        live = figures.read(ours(), days.last_days(7))
        result = cli.invoke(args=["figures"])
        assert (result.exit_code, result.output) == (0, "default: ok\nduka: ok\n")
        db.session.execute(update(DayFigure).values(paid=99))
        db.session.commit()
        assert figures.read(ours(), days.last_days(7)) != live
        cli.invoke(args=["figures"])
        assert figures.read(ours(), days.last_days(7)) == live
        assert db.session.scalar(text("select count(*) from day_figure")) > 10
