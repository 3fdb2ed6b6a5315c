"""A few weeks of believable history for `flask demo`: some 2,000 payments, told as rows.

Not by the application's own verbs, which commit some thousand times: rows of each table are made in
memory, by the same rules, and copied in at once. `flask check-books` and `flask verify-audit` hold
over them. The same seed tells the same story; only secrets, and what lies sealed, differ.
"""

from app.cli.history import story
from app.cli.history.book import Book
from app.cli.history.calendar import Calendar
from app.cli.history.counter import Counter
from app.cli.history.office import Office
from app.cli.history.people import Crowd
from app.merchants import Merchant
from app.staff import Staff

SEED = 20261121


def write(merchant: Merchant, staff: dict[str, Staff]) -> None:
    """`staff` by role; the plans are the merchant's. The caller commits."""
    book = Book(merchant)
    told = story.tell(book, Calendar.until_now(SEED), Crowd(SEED))
    Counter(book, staff, told).serve()
    office = Office(book, staff["finance"], told)
    office.compare()
    book.copy_in()
    office.sign()
    book.copy_in()
    book.chain()
