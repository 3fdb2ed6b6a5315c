"""Where the marks of a chart lie, and how numbers are said."""

from datetime import date

import pytest

from app.web.admin import charts, kpis
from app.web.admin.charts import BOTTOM, HEIGHT, NARROW, TOP, WIDE, Column


def drawn(*values, **how):
    of = [Column(str(n), f"{n}: {value}", value) for n, value in enumerate(values)]
    return charts.columns(of, **how)


def test_paid_and_failed_stand_on_each_other_with_a_gap():
    chart = drawn((("p", 30), ("f", 20)))
    [place] = chart.places
    paid, failed = place.marks
    assert (paid.kind, failed.kind) == ("p", "f")
    assert paid.y + paid.height == pytest.approx(HEIGHT - BOTTOM, abs=0.2)
    assert failed.y + failed.height == pytest.approx(paid.y - charts.GAP, abs=0.2)
    assert failed.y >= TOP
    assert paid.x == failed.x


def test_a_day_with_nothing_has_no_mark_and_one_can_still_be_seen():
    chart = drawn((("p", 0), ("f", None)), (("p", 1), ("f", 0)), (("p", 10_000), ("f", 0)))
    assert [len(place.marks) for place in chart.places] == [0, 1, 1]
    assert chart.places[1].marks[0].height == 1.0


def test_nothing_at_all_is_drawn_without_a_division_by_zero():
    assert drawn().places == []
    assert [text for _, text in drawn((("p", 0),)).lines] == ["0", "1"]


def test_every_mark_is_inside():
    chart = drawn(*[(("p", n), ("f", n * 7 % 13)) for n in range(31)])
    for place in chart.places:
        for mark in place.marks:
            assert chart.left <= mark.x <= mark.x + mark.width <= chart.width
            assert 0 <= mark.y <= mark.y + mark.height <= chart.height


@pytest.mark.parametrize("most", [1, 3, 7, 12, 49, 181, 210, 999, 1001, 87_654, 3_000_000])
def test_an_axis_has_few_round_numbers_and_room_for_the_most(most):
    chart = drawn((("p", most),))
    numbers = [int(text.replace(",", "")) for _, text in chart.lines]
    assert numbers[0] == 0
    assert numbers[-1] >= most
    assert 2 <= len(numbers) <= 7


def test_a_share_is_always_drawn_up_to_a_hundred():
    chart = drawn((("p", 12.5),), width=NARROW, top=100, unit="%")
    assert [text for _, text in chart.lines] == ["0%", "50%", "100%"]
    assert (chart.width, chart.size) == (NARROW, "narrow")
    assert drawn().width == WIDE


@pytest.mark.parametrize(("count", "labelled"), [(7, 7), (14, 14), (15, 8), (24, 12), (31, 11)])
def test_labels_are_as_many_as_there_is_room_for_and_the_last_has_one(count, labelled):
    places = drawn(*[(("p", 1),)] * count).places
    assert sum(place.labelled != "never" for place in places) == labelled
    assert places[-1].labelled == "always"


def test_a_spark_line_goes_over_what_is_known():
    points = charts.spark([1, None, 3])
    assert points == "2.0,25.0 94.0,3.0"
    assert charts.spark([None, 3]) == ""
    assert charts.spark([]) == ""
    assert len({point.split(",")[1] for point in charts.spark([5, 5, 5]).split()}) == 1


def test_lines_share_an_axis():
    found = charts.lines(
        ["1", "2", "3"], (("one", "Half", [10, None, 20]), ("two", "95", [40, 40, 50])), top=120
    )
    assert not found.cut
    assert [len(line.points.split()) for line in found.lines] == [2, 3]
    assert found.chart.lines[-1][1] == "50 s"
    assert [place.label for place in found.chart.places] == ["1", "2", "3"]


def test_one_day_alone_is_a_short_stroke():
    [line] = charts.lines(["1", "2"], (("one", "Half", [10, None]),), top=120).lines
    assert len(line.points.split()) == 2


def test_one_odd_day_does_not_press_the_others_flat():
    found = charts.lines(["1", "2"], (("two", "95", [40, 1_200]),), top=120)
    assert found.cut
    assert found.chart.lines[-1][1] == "125 s"
    assert found.lines[0].points.split()[1].endswith(f",{charts.TOP}.0")


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        (None, "count", "–"),  # noqa: RUF001
        (1234, "count", "1,234"),
        (1499, "ksh", "KSh\xa01,499"),
        (93.66, "percent", "93.7%"),
        (17, "seconds", "17 s"),
        (119, "seconds", "119 s"),
        (125, "seconds", "2 min 5 s"),
        (180, "seconds", "3 min"),
        (7200, "seconds", "2 h"),
        (200_000, "seconds", "2 days"),
        (date(2026, 11, 1), "period", "1 Nov 2026"),
        ("Monday", "text", "Monday"),
    ],
)
def test_numbers_are_said_as_people_say_them(value, kind, said):
    assert kpis.figure(value, kind) == said


def test_a_change_has_its_sign_and_none_is_not_said():
    assert kpis.relative(108, 100) == "+8%"
    assert kpis.relative(90, 100) == "−10%"  # noqa: RUF001
    assert kpis.relative(5, 0) == ""
    assert kpis.points(93.7, 92.5) == "+1.2 pts"
    assert kpis.points(None, 92.5) == kpis.points(92.5, None) == ""
    assert kpis.signed(0.2, " s") == ""


def test_what_a_line_shows_is_said():
    assert kpis.line([3, None, 17], "Each day", "seconds")[1] == "Each day: between 3 s and 17 s"
    assert kpis.line([None], "Each day", "seconds") == ("", "")
