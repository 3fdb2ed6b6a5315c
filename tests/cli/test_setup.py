"""`flask merchant|plan|staff create`: what was made, or one sentence about what was wrong."""

import pytest
from sqlalchemy import func, select

from app import merchants, staff
from app.billing.models import Plan
from app.extensions import db
from app.merchants import Merchant
from app.staff import Staff, sessions
from tests import factories
from tests.web.admin.desk import PLACE, enrolled, hire

SECRETS = "consumer_key=ck-8842\nconsumer_secret=cs-8842\npasskey=pk=8842=\n"
PASSWORD = "correct horse battery"


@pytest.fixture
def run(cli):
    def invoke(command, typed=""):
        return cli.invoke(
            args=command if isinstance(command, list) else command.split(), input=typed
        )

    return invoke


def refused(result):
    """The sentence; and that it is all there is."""
    assert result.exit_code == 1
    [line] = result.output.splitlines()
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


def duka(slug="duka", shortcode="600123", *more):
    return [
        "merchant",
        "create",
        slug,
        "--name",
        "Duka Mbili",
        f"--shortcode={shortcode}",
        *more,
    ]


def gold(code="gold", price="1499", every="month", *more):
    base = ["plan", "create", code, "--name", " Gold ", f"--price={price}", f"--every={every}"]
    return [*base, *more]


def amina(email="amina@example.co.ke", role="finance", *more):
    return ["staff", "create", email, f"--role={role}", *more]


def plans():
    return [(p.code, p.name, p.price, p.unit, p.every) for p in db.session.scalars(select(Plan))]


def test_a_merchant_is_made_with_its_secrets(run):
    result = run(duka(), SECRETS)
    assert (result.exit_code, result.output) == (0, "merchant duka created\n")
    made = merchants.named("duka")
    assert (made.name, made.shortcode, made.till) == ("Duka Mbili", "600123", None)
    credentials = made.credentials()
    assert credentials.consumer_key == "ck-8842"
    assert credentials.consumer_secret == "cs-8842"
    assert credentials.passkey == "pk=8842="  # only the first = divides


def test_a_merchant_with_a_till(run):
    assert run(duka("duka", "600123", "--till=5432100"), SECRETS).exit_code == 0
    assert merchants.named("duka").till == "5432100"


def test_secrets_may_have_spaces_and_other_lines_around_them(run):
    typed = "# from the portal\r\n consumer_key = ck \r\n\r\nconsumer_secret=cs\r\npasskey=pk"
    assert run(duka(), typed).exit_code == 0
    assert merchants.named("duka").credentials().consumer_key == "ck"


@pytest.mark.parametrize(
    ("command", "typed", "sentence"),
    [
        (duka("Duka!"), SECRETS, "SLUG is"),
        (duka("default"), SECRETS, "There is a merchant 'default' already."),
        (duka("duka", "12"), SECRETS, "--shortcode is"),
        (duka("duka", "600123", "--till=1"), SECRETS, "--till is"),
        (duka(), "", "consumer_key, consumer_secret, passkey missing"),
        (duka(), "ck-8842\ncs-8842\npk-8842\n", "consumer_key, consumer_secret, passkey missing"),
        (duka(), "consumer_key=ck-8842\npasskey=pk-8842\n", "consumer_secret missing"),
        (duka(), "consumer_key=ck-8842\nconsumer_secret=\npasskey=p\n", "consumer_secret missing"),
    ],
)
def test_what_is_wrong_with_a_merchant_is_said(run, command, typed, sentence):
    said = refused(run(command, typed))
    assert said.startswith(sentence)
    assert "8842" not in said
    assert db.session.scalar(select(func.count()).select_from(Merchant)) == 1


def test_secrets_are_never_echoed(run):
    for typed in (SECRETS, SECRETS, "consumer_key=ck-8842\n"):
        assert "8842" not in run(duka(), typed).output
    output = run(amina(), PASSWORD + "\n").output + run(amina(), PASSWORD + "\n").output
    assert PASSWORD not in output
    assert "hunter2" not in run(amina("b@example.com"), "hunter2\n").output


@pytest.mark.parametrize(
    ("every", "unit", "count"),
    [
        ("day", "day", 1),
        ("week", "week", 1),
        ("month", "month", 1),
        ("quarter", "quarter", 1),
        ("year", "year", 1),
        ("2 weeks", "week", 2),
        ("2-weeks", "week", 2),
        ("30days", "day", 30),
        (" Month ", "month", 1),
        ("999 years", "year", 999),
    ],
)
def test_a_plan_is_made_for_any_interval(run, every, unit, count):
    result = run(gold(every=every))
    assert (result.exit_code, result.output) == (0, "plan gold created\n")
    assert plans() == [("gold", "Gold", 1499, unit, count)]


@pytest.mark.parametrize("price", ["1", "250000"])
def test_a_plan_costs_what_mpesa_can_take(run, price):
    assert run(gold(price=price)).exit_code == 0


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (gold("Gold"), "The code is"),
        (gold("a" * 41), "The code is"),
        (gold("gold plan"), "The code is"),
        (gold(price="0"), "The price is whole shillings from 1 to 250000"),
        (gold(price="250001"), "The price is whole shillings"),
        (gold(price="14.99"), "The price is whole shillings"),
        (gold(price="1,499"), "The price is whole shillings"),
        (gold(price="-5"), "The price is whole shillings"),
        (gold(price="KES 20"), "The price is whole shillings"),
        (gold(price="٢٠"), "The price is whole shillings"),
        (gold(price="1e3"), "The price is whole shillings"),
        (gold(price=""), "The price is whole shillings"),
        (gold(every="fortnight"), "The interval is"),
        (gold(every="0 days"), "The interval is"),
        (gold(every="00 days"), "The interval is"),
        (gold(every="000 days"), "The interval is"),
        (gold(every="1000 days"), "The interval is"),
        (gold(every="-1 day"), "The interval is"),
        (gold(every="٢ days"), "The interval is"),
        (gold(every=""), "The interval is"),
        (gold("gold", "20", "day", "--merchant=nobody"), "There is no merchant 'nobody'."),
    ],
)
def test_what_is_wrong_with_a_plan_is_said(run, command, sentence):
    assert refused(run(command)).startswith(sentence)
    assert plans() == []


def test_a_plan_is_made_once(run):
    run(gold())
    assert refused(run(gold())) == "There is a plan 'gold' already."


def test_a_plan_of_another_merchant(run):
    other = factories.merchant()
    assert run(gold("gold", "20", "day", "--merchant=duka")).exit_code == 0
    assert db.session.scalars(select(Plan.merchant_id)).all() == [other.id]


def test_an_account_is_made_and_opens_with_its_password(run):
    result = run(amina("Amina@example.co.ke"), f"{PASSWORD}\r\nsecond line\n")
    assert (result.exit_code, result.output) == (0, "finance amina@example.co.ke created\n")
    person = db.session.scalars(select(Staff)).one()
    assert (person.role, person.merchant_id) == ("finance", merchants.named("default").id)


def test_an_account_at_another_merchant(run):
    other = factories.merchant()
    run(amina("a@example.com", "viewer", "--merchant=duka"), f"{PASSWORD}\n")
    assert db.session.scalars(select(Staff.merchant_id)).all() == [other.id]


@pytest.mark.parametrize(
    ("command", "typed", "sentence"),
    [
        (amina("amina"), PASSWORD, "EMAIL must look like"),
        (amina(), "", "The password must have at least 8"),
        (amina(), "short\nbut a long second line\n", "The password must have at least 8"),
        (amina("a@example.com", "viewer", "--merchant=nobody"), PASSWORD, "There is no merchant"),
    ],
)
def test_what_is_wrong_with_an_account_is_said(run, command, typed, sentence):
    assert refused(run(command, typed)).startswith(sentence)
    assert db.session.scalars(select(Staff)).all() == []


def test_an_account_is_made_once(run):
    run(amina(), PASSWORD)
    assert "already" in refused(run(amina(), PASSWORD))


@pytest.mark.parametrize(
    "command",
    [
        "merchant create",
        "merchant create duka",
        "plan create gold --name=Gold",
        "staff create a@example.com",
        "staff create a@example.com --role=boss",
    ],
)
def test_what_is_left_out_is_asked_for(run, command):
    result = run(command)
    assert result.exit_code == 2
    assert "Error: " in result.output
    assert "Traceback" not in result.output


@pytest.fixture
def juma(app):
    """The only owner, signed in, with a second factor."""
    person = hire("owner", email="juma@example.co.ke")
    enrolled(person)
    sessions.begin(person, PLACE)
    db.session.commit()
    return person


def test_an_operator_is_made_here(run):
    assert run(amina(role="operator"), PASSWORD).exit_code == 0


@pytest.mark.parametrize("command", ["staff disable", "staff reset"])
def test_an_account_that_is_none_is_said(run, command):
    said = refused(run(f"{command} nobody@example.co.ke", PASSWORD))
    assert said == "There is no account for nobody@example.co.ke."


def test_an_account_is_closed_and_signed_out_even_the_last_owners(run, juma):
    result = run("staff disable Juma@example.co.ke")
    assert (result.exit_code, result.output) == (0, "Juma@example.co.ke disabled\n")
    assert juma.disabled_at
    assert sessions.alive(juma) == []


def test_a_new_password_signs_out_and_leaves_the_second_factor(run, juma):
    result = run("staff reset juma@example.co.ke", "a new long password\n")
    assert (result.exit_code, result.output) == (0, "juma@example.co.ke reset\n")
    assert staff.password_fits(juma, "a new long password")
    assert juma.has_second_factor
    assert sessions.alive(juma) == []


def test_a_second_factor_is_removed_when_asked_for(run, juma):
    assert run("staff reset juma@example.co.ke --second-factor", PASSWORD).exit_code == 0
    assert not juma.has_second_factor


def test_a_bad_new_password_changes_nothing(run, juma):
    assert "at least 8" in refused(run("staff reset juma@example.co.ke --second-factor", "short"))
    assert juma.has_second_factor
    assert len(sessions.alive(juma)) == 1
