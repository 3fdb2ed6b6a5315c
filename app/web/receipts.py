"""The facts of a receipt, for the page and for the PDF alike."""

from io import BytesIO
from textwrap import wrap

import pydyf
from flask_babel import gettext as _

from app.web import language, shown
from app.web.facts import Facts

A6 = (298, 420)  # points: what a phone shows, and a till printer takes
LEFT, VALUES, LINE = 24, 112, 17
WIDEST = 34  # characters of a value that fit beside its term


def rows(facts: Facts) -> list[tuple[str, str]]:
    """(term, value), in the order in which people look for them. Without a value there is no row."""
    received = facts.amount if facts.received is None else facts.received
    found = (
        (_("Amount"), shown.ksh(received)),
        (_("Paid to"), facts.merchant),
        (_("Collected by"), facts.through),
        (_("Plan"), f"{facts.plan}, {shown.interval(facts.unit, facts.every)}"),
        (_("For"), facts.ref),
        (_("Active until"), facts.paid_through and shown.nairobi_date(facts.paid_through)),
        (_("Put on"), None if facts.paid_through else _("your balance")),
        (_("Paid from"), facts.phone),
        (_("Date"), facts.paid_at and shown.nairobi(facts.paid_at)),
        (_("Reference"), facts.reference),
        (_("Contact"), facts.support),
    )
    return [(str(term), str(value)) for term, value in found if value]


def pdf(facts: Facts) -> bytes:
    """One small page in a font that every reader has: 3 KB, made in a millisecond."""
    document = pydyf.PDF()
    page = _page(document, _drawn(facts))
    document.add_page(page)
    document.info["Title"] = pydyf.String(f"{_('Receipt')} {facts.receipt or facts.reference}")
    document.catalog["Lang"] = pydyf.String(language.current())
    out = BytesIO()
    document.write(out)
    return out.getvalue()


def _drawn(facts: Facts) -> pydyf.Stream:
    stream = pydyf.Stream()
    y = A6[1] - 40
    y = _lines(stream, wrap(facts.merchant, WIDEST) or [""], (LEFT, y), ("Bold", 13))
    y = _lines(stream, [_("Receipt")], (LEFT, y), ("Plain", 10)) - 10
    y = _lines(stream, [_("M-PESA receipt number")], (LEFT, y), ("Plain", 9))
    code = facts.receipt or _("It is in your M-PESA SMS")
    y = _lines(stream, [code], (LEFT, y - 6), ("Code", 20 if facts.receipt else 11)) - 12
    for term, value in rows(facts):
        _lines(stream, [term], (LEFT, y), ("Plain", 9))
        y = _lines(stream, wrap(value, WIDEST), (VALUES, y), ("Bold", 9))
    return stream


def _lines(
    stream: pydyf.Stream, lines: list[str], at: tuple[int, int], font: tuple[str, int]
) -> int:
    """Writes downwards from `at`; the height of the next line."""
    x, y = at
    for line in lines:
        stream.begin_text()
        stream.set_font_size(*font)
        stream.set_text_matrix(1, 0, 0, 1, x, y)
        # Of the built-in fonts' alphabet; what it lacks is a question mark.
        stream.show_text(f"<{line.encode('cp1252', 'replace').hex()}>")
        stream.end_text()
        y -= LINE
    return y


def _page(document: pydyf.PDF, stream: pydyf.Stream) -> pydyf.Dictionary:
    document.add_object(stream)
    fonts = {"Plain": "/Helvetica", "Bold": "/Helvetica-Bold", "Code": "/Courier-Bold"}
    return pydyf.Dictionary(
        {
            "Type": "/Page",
            "Parent": document.pages.reference,
            "MediaBox": pydyf.Array([0, 0, *A6]),
            "Contents": stream.reference,
            "Resources": pydyf.Dictionary(
                {"Font": pydyf.Dictionary({name: _font(base) for name, base in fonts.items()})}
            ),
        }
    )


def _font(base: str) -> pydyf.Dictionary:
    return pydyf.Dictionary(
        {
            "Type": "/Font",
            "Subtype": "/Type1",
            "BaseFont": base,
            "Encoding": "/WinAnsiEncoding",
        }
    )
