"""The code table, as design.md §5 and ux.md §4.2 print it."""

import pytest

from app.daraja import RESULTS, Answer, Reason, Verdict, classify_callback, classify_query

TABLE = {
    Reason.INSUFFICIENT_FUNDS: "1 5",
    Reason.WRONG_PIN: "2001",
    Reason.PIN_LOCKED: "8006",
    Reason.CANCELLED: "1031 1032",
    Reason.EXPIRED: "1019",
    Reason.UNREACHABLE: "1036 1037",
    Reason.IN_PROGRESS: "1001",
    Reason.BUSY: "17 26",
    Reason.PUSH_FAILED: "1025 9999",
    Reason.LIMIT: "3 4",
    Reason.NOT_REGISTERED: "6 10 11 13",
    Reason.MERCHANT_PROBLEM: "2 7 8 12 14 20 2002 2028 SFC_IC0003",
}
PAIRS = [(code, reason) for reason, codes in TABLE.items() for code in codes.split()]


def test_the_table_is_the_documents():
    assert dict(PAIRS) == RESULTS


def test_every_reason_is_spelt_as_the_books_spell_it():
    assert " ".join(Reason) == (
        "insufficient_funds wrong_pin pin_locked cancelled expired unreachable in_progress busy "
        "push_failed limit not_registered merchant_problem not_sent no_answer unknown"
    )


@pytest.mark.parametrize("code, reason", PAIRS)
@pytest.mark.parametrize("classify", [classify_callback, classify_query])
def test_a_listed_code_ends_a_payment_whoever_says_it(classify, code, reason):
    assert classify(code, "") == Answer(Verdict.FAILED, code, reason)


@pytest.mark.parametrize("classify", [classify_callback, classify_query])
def test_nought_is_paid_and_4999_is_not_over(classify):
    assert classify("0", "") == Answer(Verdict.PAID, "0")
    assert classify("4999", "The transaction is still under processing") == Answer(
        Verdict.PENDING, "4999"
    )


@pytest.mark.parametrize("code", ["7777", "2006", "2040", "R000002"])
def test_an_unlisted_code_ends_a_payment_only_by_callback(code):
    assert classify_callback(code, "") == Answer(Verdict.FAILED, code, Reason.UNKNOWN)
    assert classify_query(code, "") == Answer(Verdict.UNKNOWN, code)


def test_2029_is_an_artefact_of_asking_early_but_final_when_told():
    assert classify_callback("2029", "") == Answer(Verdict.FAILED, "2029", Reason.MERCHANT_PROBLEM)
    assert classify_query("2029", "") == Answer(Verdict.UNKNOWN, "2029")


def test_2028_is_a_limit_when_it_says_so():
    assert classify_query("2028", "Amount LIMIT exceeded").reason is Reason.LIMIT
    assert classify_query("2028", "Not permitted according to product assignment").reason is (
        Reason.MERCHANT_PROBLEM
    )
