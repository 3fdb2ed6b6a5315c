"""The receipt: the same facts on the page and in the PDF."""

import gzip
import re

from app.jobs import work
from app.web import receipts
from tests import factories
from tests.web import forms
from tests.web.known import application, paid


def drawn(document):
    """The texts of a PDF of ours."""
    return [
        bytes.fromhex(text.decode()).decode("cp1252")
        for text in re.findall(rb"\[<([0-9a-f]*)>\] TJ", document)
    ]


def test_the_pdf_has_the_facts_of_the_page():
    with application().test_request_context():
        facts = paid(ref="INV 77", phone="0712 ••• 678")
        texts, rows = drawn(receipts.pdf(facts)), receipts.rows(facts)
    assert "TKL4H7Q2MX" in texts
    assert texts[0] == "Mwanga Academy"
    for row in rows:
        assert set(row) <= set(texts)


def test_long_names_go_on_in_the_next_line_and_odd_letters_do_no_harm():
    with application().test_request_context():
        texts = drawn(receipts.pdf(paid(merchant="Ĝ " + "Mwanga " * 12)))
    assert texts[0].startswith("? Mwanga")
    assert max(len(text) for text in texts) <= receipts.WIDEST


def test_without_a_code_it_says_where_the_code_is():
    with application().test_request_context():
        assert "It is in your M-PESA SMS" in drawn(receipts.pdf(paid(receipt=None)))


def test_a_paid_payment_has_a_receipt_and_a_pdf(client, plan):
    payment, hook = factories.pending(plan)
    url = f"/pay/{payment.token}/receipt"
    assert client.get(f"{url}.pdf").status_code == 404
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    answer = client.get(f"{url}.pdf")
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Content-Disposition"].endswith('"receipt-TKL4H7Q2MX.pdf"')
    assert answer.data.startswith(b"%PDF")
    page = forms.page(client.get(url))
    values = [value.text.strip() for value in page.find_all("dd")]
    assert [text for text in values if text not in drawn(answer.data)] == []
    assert "345" not in " ".join(drawn(answer.data))


def test_the_receipt_is_small(client, plan):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    page = client.get(f"/pay/{payment.token}/receipt").data
    assert len(gzip.compress(page)) <= 2 * 1024
