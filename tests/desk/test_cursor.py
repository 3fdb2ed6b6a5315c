from datetime import UTC, datetime

import pytest

from app.desk import cursor
from app.desk.cursor import Cursor
from app.errors import Refused

AT = datetime(2026, 11, 21, 11, 43, 0, 123456, tzinfo=UTC)


def test_there_and_back_to_the_microsecond():
    assert cursor.read(str(Cursor(AT, 42)), newer=False) == Cursor(AT, 42)
    assert cursor.read(str(Cursor(AT, 42)), newer=True) == Cursor(AT, 42, newer=True)


BROKEN = [
    "",
    "1",
    "-",
    "1-",
    "-1",
    "1-2-3",
    "a-b",
    "1 -2",
    "\u0661-\u0662",
    "1e5-1",
    "+1-1",
    "1--1",
    "\x00",
    "1-2' or 1=1 --",
    "0x1-1",
]


@pytest.mark.parametrize("text", [*BROKEN, "1-2\n", "9" * 17 + "-1", "1-" + "9" * 19])
def test_a_link_that_is_not_whole_is_refused_in_words(text):
    with pytest.raises(Refused, match="not whole"):
        cursor.read(text, newer=False)


def test_the_farthest_is_still_a_time_and_an_id():
    assert cursor.read("9" * 16 + "-" + "9" * 18, newer=False).at.year == 2286
    assert cursor.read("0-0", newer=False).id == 0
