"""Every setting is checked at the start; what is wrong is said in a sentence that names it."""

import os
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest

import config
from config import BadSetting, read
from tests.conftest import environment

ROOT = Path(config.__file__).parent
FULL_WIDTH_ONE = "\N{FULLWIDTH DIGIT ONE}"
SECRETS = {
    "SECRET_KEY": "secret-key-of-the-session",
    "SECRET_KEY_FALLBACKS": "older-session-key",
    "DATABASE_URL": "postgresql://malipo:database-password@db/malipo",
    "REDIS_URL": "redis://:redis-password@cache/0",
    "ENCRYPTION_KEYS": f"k1:{'ab' * 32}",
    "PHONE_INDEX_KEY": "cd" * 32,
    "MPESA_CONSUMER_KEY": "the-consumer-key",
    "MPESA_CONSUMER_SECRET": "the-consumer-secret",
    "MPESA_PASSKEY": "the-passkey",
    "SMTP_URL": "smtp://alerts:mail-password@mail.example.co.ke",
    "ALERT_WEBHOOK_URL": "https://hooks.example.com/path-that-is-a-secret",
    "ALERT_WEBHOOK_SECRET": "ef" * 32,
}
REQUIRED = ["SECRET_KEY", "DATABASE_URL", "REDIS_URL", "ENCRYPTION_KEYS", "PHONE_INDEX_KEY"]
REQUIRED += ["MPESA_ENVIRONMENT", "MPESA_CONSUMER_KEY", "MPESA_CONSUMER_SECRET"]
REQUIRED += ["MPESA_SHORTCODE", "MPESA_PASSKEY"]


def env(**changes):
    """Enough to start with the simulator; None takes a variable away."""
    full = environment("postgresql:///malipo", "redis://localhost", **changes)
    return {name: value for name, value in full.items() if value is not None}


def bare(**changes):
    """Only what has no default."""
    return {name: value for name, value in env().items() if name in REQUIRED} | changes


def production(**changes):
    real = {"MPESA_ENVIRONMENT": "production", "MPESA_BASE_URL": None}
    return env(**real | {"PUBLIC_BASE_URL": "https://pay.example.co.ke"} | changes)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("secret_key_fallbacks", ()),
        ("public_base_url", "http://127.0.0.1:8000"),
        ("trusted_proxy_hops", 0),
        ("mpesa_base_url", "http://127.0.0.1:8001"),
        ("mpesa_till", None),
        ("callback_addresses", ()),
        ("callback_addresses_only", False),
        ("metrics_addresses", (ip_network("127.0.0.0/8"), ip_network("::1/128"))),
        ("query_schedule", (20, 45, 75, 120, 300, 900, 3600, 21600, 86400)),
        ("query_budget_per_minute", None),
        ("sweep_seconds", 10),
        ("polls_per_second", 800),
        ("push_connect_seconds", 5),
        ("push_read_seconds", 25),
        ("prompt_limits_enabled", True),
        ("log_level", "INFO"),
        ("alert_email_to", ()),
        ("alert_webhook_url", ""),
    ],
)
def test_what_is_not_set_has_a_default(name, value):
    assert getattr(read(bare()), name) == value


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("SECRET_KEY", " padded ", "secret_key", "padded"),
        ("SECRET_KEY_FALLBACKS", "one, two,,", "secret_key_fallbacks", ("one", "two")),
        ("REDIS_URL", "unix:///run/redis.sock", "redis_url", "unix:///run/redis.sock"),
        ("REDIS_URL", "rediss://cache:6380/1", "redis_url", "rediss://cache:6380/1"),
        ("PUBLIC_BASE_URL", "http://shop.test/pay/", "public_base_url", "http://shop.test/pay"),
        ("TRUSTED_PROXY_HOPS", "2", "trusted_proxy_hops", 2),
        (
            "ENCRYPTION_KEYS",
            f"new:{'ab' * 32}, old:{'AB' * 32}",
            "encryption_keys",
            (("new", b"\xab" * 32), ("old", b"\xab" * 32)),
        ),
        ("PHONE_INDEX_KEY", "AB" * 32, "phone_index_key", b"\xab" * 32),
        (
            "CALLBACK_ADDRESSES",
            "196.201.214.200, 10.1.2.3/8",
            "callback_addresses",
            (ip_network("196.201.214.200/32"), ip_network("10.0.0.0/8")),
        ),
        ("METRICS_ADDRESSES", "2001:db8::/32", "metrics_addresses", (ip_network("2001:db8::/32"),)),
        ("QUERY_SCHEDULE", "5 , 10,20", "query_schedule", (5, 10, 20)),
        ("QUERY_BUDGET_PER_MINUTE", "7", "query_budget_per_minute", 7),
        ("SWEEP_SECONDS", "0.25", "sweep_seconds", 0.25),
        ("POLLS_PER_SECOND", "4000", "polls_per_second", 4000),
        ("PUSH_CONNECT_SECONDS", "3", "push_connect_seconds", 3),
        ("PUSH_READ_SECONDS", "12.5", "push_read_seconds", 12.5),
        ("PROMPT_LIMITS_ENABLED", "0", "prompt_limits_enabled", False),
        ("LOG_LEVEL", "DEBUG", "log_level", "DEBUG"),
        ("LOG_LEVEL", "  ", "log_level", "INFO"),
        ("MPESA_BASE_URL", "http://127.0.0.1:9", "mpesa_base_url", "http://127.0.0.1:9"),
    ],
)
def test_what_is_set_counts(name, text, field, value):
    assert getattr(read(bare(**{name: text})), field) == value


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [None, "", "   "])
def test_what_must_be_set_is_named_when_it_is_missing(name, value):
    with pytest.raises(BadSetting, match=f"^{name} is missing|^{name} must"):
        read(env(**{name: value}))


@pytest.mark.parametrize("name", REQUIRED)
def test_without_a_default_address_too_the_missing_one_is_named(name):
    with pytest.raises(BadSetting, match=f"^{name} "):
        read({key: value for key, value in bare().items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "sqlite:///malipo.db"),
        ("DATABASE_URL", "mysql://localhost/malipo"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "http://localhost"),
        ("PUBLIC_BASE_URL", "pay.example.co.ke"),
        ("PUBLIC_BASE_URL", "ftp://pay.example.co.ke"),
        ("PUBLIC_BASE_URL", "http://pay.example.co.ke?a=b"),
        ("PUBLIC_BASE_URL", "http://pay.example.co.ke/#top"),
        ("PUBLIC_BASE_URL", "http://pay .example.co.ke"),
        ("PUBLIC_BASE_URL", "http://"),
        ("TRUSTED_PROXY_HOPS", "one"),
        ("TRUSTED_PROXY_HOPS", "-1"),
        ("TRUSTED_PROXY_HOPS", "1.5"),
        ("TRUSTED_PROXY_HOPS", "1234567"),
        ("ENCRYPTION_KEYS", "0" * 64),
        ("ENCRYPTION_KEYS", f"k1:{'0' * 63}"),
        ("ENCRYPTION_KEYS", f"k1:{'0' * 65}"),
        ("ENCRYPTION_KEYS", f"k1:{'g' * 64}"),
        ("ENCRYPTION_KEYS", f"k 1:{'0' * 64}"),
        ("ENCRYPTION_KEYS", f"{'k' * 17}:{'0' * 64}"),
        ("ENCRYPTION_KEYS", f"k1:{'0' * 64},"),
        ("ENCRYPTION_KEYS", f"k1:{'0' * 64},k1:{'1' * 64}"),
        ("PHONE_INDEX_KEY", "0" * 63),
        ("PHONE_INDEX_KEY", "x" * 64),
        ("MPESA_ENVIRONMENT", "live"),
        ("MPESA_BASE_URL", "127.0.0.1:8001"),
        ("MPESA_BASE_URL", "http://127.0.0.1:8001/path"),
        ("MPESA_SHORTCODE", "1234"),
        ("MPESA_SHORTCODE", "12345678"),
        ("MPESA_SHORTCODE", "17437x"),
        ("MPESA_TYPE", "bank"),
        ("CALLBACK_ADDRESSES", "localhost"),
        ("CALLBACK_ADDRESSES", "10.0.0.0/33"),
        ("CALLBACK_ADDRESSES_ONLY", "1"),
        ("CALLBACK_ADDRESSES_ONLY", "yes"),
        ("METRICS_ADDRESSES", "10.0.0"),
        ("QUERY_SCHEDULE", "20,45,soon"),
        ("QUERY_SCHEDULE", "20,,45"),
        ("QUERY_SCHEDULE", "20,20"),
        ("QUERY_SCHEDULE", "45,20"),
        ("QUERY_SCHEDULE", "-5"),
        ("QUERY_BUDGET_PER_MINUTE", "many"),
        ("POLLS_PER_SECOND", "0"),
        ("POLLS_PER_SECOND", "1.5"),
        ("SWEEP_SECONDS", "often"),
        ("SWEEP_SECONDS", "0"),
        ("SWEEP_SECONDS", "0.0"),
        ("SWEEP_SECONDS", "-1"),
        ("SWEEP_SECONDS", "1e3"),
        ("SWEEP_SECONDS", "nan"),
        ("PUSH_CONNECT_SECONDS", "0"),
        ("PUSH_CONNECT_SECONDS", "5 s"),
        ("PUSH_READ_SECONDS", "0"),
        ("PUSH_READ_SECONDS", "inf"),
        ("PROMPT_LIMITS_ENABLED", "yes"),
        ("PROMPT_LIMITS_ENABLED", "2"),
        ("LOG_LEVEL", "info"),
        ("LOG_LEVEL", "TRACE"),
    ],
)
def test_what_is_malformed_is_named(name, value):
    with pytest.raises(BadSetting, match=f"^{name} "):
        read(env(**{name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MPESA_SHORTCODE", "١٧٤٣٧٩"),
        ("TRUSTED_PROXY_HOPS", "٢"),
        ("SWEEP_SECONDS", FULL_WIDTH_ONE + "0"),
        ("QUERY_SCHEDULE", "२०,४५"),
        ("QUERY_BUDGET_PER_MINUTE", "٦"),
        ("PROMPT_LIMITS_ENABLED", FULL_WIDTH_ONE),
        ("PHONE_INDEX_KEY", FULL_WIDTH_ONE * 64),
        ("CALLBACK_ADDRESSES", FULL_WIDTH_ONE + "0.0.0.1"),
    ],
)
def test_digits_of_other_alphabets_are_no_digits(name, value):
    with pytest.raises(BadSetting, match=f"^{name} "):
        read(env(**{name: value}))


@pytest.mark.parametrize("value", ["5432l", "1234", "123456789", "٥٤٣٢١", None])
def test_a_till_needs_its_number(value):
    with pytest.raises(BadSetting, match=r"^MPESA_TILL "):
        read(env(MPESA_TYPE="till", MPESA_TILL=value))


def test_a_till_has_a_store_number_and_a_till_number():
    settings = read(env(MPESA_TYPE="till", MPESA_TILL="5432100"))
    assert (settings.mpesa_shortcode, settings.mpesa_till) == ("174379", "5432100")


def test_a_paybill_has_no_till_number_even_when_one_is_set():
    assert read(env(MPESA_TILL="5432100")).mpesa_till is None


@pytest.mark.parametrize("word", config.FORBIDDEN_WORDS)
@pytest.mark.parametrize("where", ["https://{}.example.co.ke", "https://example.co.ke/{}"])
def test_an_address_that_safaricom_would_refuse_stops_the_start(word, where):
    with pytest.raises(BadSetting, match=rf"^PUBLIC_BASE_URL .*{word}"):
        read(production(PUBLIC_BASE_URL=where.format(word)))
    with pytest.raises(BadSetting, match=r"^PUBLIC_BASE_URL "):
        read(production(PUBLIC_BASE_URL=where.format(f"my{word.upper()}shop")))


@pytest.mark.parametrize("where", ["sandbox", "production"])
def test_outside_the_simulator_only_https_is_public(where):
    with pytest.raises(BadSetting, match=r"^PUBLIC_BASE_URL .*https"):
        read(production(MPESA_ENVIRONMENT=where, PUBLIC_BASE_URL="http://pay.example.co.ke"))
    with pytest.raises(BadSetting, match=r"^PUBLIC_BASE_URL is missing"):
        read(production(MPESA_ENVIRONMENT=where, PUBLIC_BASE_URL=None))
    assert read(production(MPESA_ENVIRONMENT=where)).https


def test_the_simulator_is_public_without_https():
    assert not read(env()).https
    assert read(env(PUBLIC_BASE_URL="https://localhost")).https


@pytest.mark.parametrize(
    ("where", "url", "budget"),
    [
        ("sandbox", "https://sandbox.safaricom.co.ke", 5),
        ("production", "https://api.safaricom.co.ke", 60),
    ],
)
def test_safaricoms_own_addresses_and_budgets(where, url, budget):
    settings = read(production(MPESA_ENVIRONMENT=where))
    assert (settings.mpesa_base_url, settings.query_budget_per_minute) == (url, budget)


@pytest.mark.parametrize("where", ["sandbox", "production"])
@pytest.mark.parametrize(
    ("name", "value"), [("MPESA_BASE_URL", "http://127.0.0.1:8001"), ("PROMPT_LIMITS_ENABLED", "0")]
)
def test_what_is_only_for_the_simulator(where, name, value):
    with pytest.raises(BadSetting, match=rf"^{name}.*MPESA_ENVIRONMENT=simulator"):
        read(production(MPESA_ENVIRONMENT=where, **{name: value}))


MAIL = {"ALERT_EMAIL_TO": "amina@x.co.ke, b@x.co.ke", "ALERT_EMAIL_FROM": "malipo@x.co.ke"}
MAIL |= {"SMTP_URL": "smtps://u:p%40ss@mail.x.co.ke:465"}
HOOK = {"ALERT_WEBHOOK_URL": "https://hooks.x.co.ke/in?a=b", "ALERT_WEBHOOK_SECRET": "ab" * 32}


def test_how_the_operator_is_told_is_set_whole():
    told = read(production(**MAIL, **HOOK))
    assert told.alert_email_to == ("amina@x.co.ke", "b@x.co.ke")
    assert (told.alert_email_from, told.smtp_url) == (MAIL["ALERT_EMAIL_FROM"], MAIL["SMTP_URL"])
    assert told.alert_webhook_url == HOOK["ALERT_WEBHOOK_URL"]
    assert told.alert_webhook_secret == b"\xab" * 32


@pytest.mark.parametrize("name", ["ALERT_EMAIL_FROM", "SMTP_URL", "ALERT_WEBHOOK_SECRET"])
def test_half_a_way_of_telling_is_named(name):
    with pytest.raises(BadSetting, match=f"^{name} "):
        read(production(**MAIL, **HOOK) | {name: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALERT_EMAIL_TO", "amina"),
        ("ALERT_EMAIL_TO", "amina@x.co.ke, a b@x"),
        ("ALERT_EMAIL_FROM", "Malipo <malipo@x.co.ke>"),
        ("SMTP_URL", "mail.x.co.ke"),
        ("SMTP_URL", "http://mail.x.co.ke"),
        ("SMTP_URL", "smtp://mail.x.co.ke:99999"),
        ("ALERT_WEBHOOK_URL", "http://hooks.x.co.ke/in"),
        ("ALERT_WEBHOOK_URL", "https://u:p@hooks.x.co.ke/in"),
        ("ALERT_WEBHOOK_URL", "https://"),
        ("ALERT_WEBHOOK_SECRET", "short"),
    ],
)
def test_a_malformed_way_of_telling_is_named(name, value):
    with pytest.raises(BadSetting, match=f"^{name} "):
        read(production(**MAIL, **HOOK) | {name: value})


@pytest.mark.parametrize("show", [repr, str])
def test_no_secret_is_shown_with_the_settings(show):
    shown = show(read(env(**SECRETS)))
    for name, value in SECRETS.items():
        for part in value.split(":"):
            if len(part) > len("postgresql"):
                assert part not in shown, name
    assert "\\xab" not in shown
    assert "\\xcd" not in shown
    assert "public_base_url" in shown


def test_no_secret_is_in_the_sentence_about_it():
    for name in ("ENCRYPTION_KEYS", "PHONE_INDEX_KEY", "DATABASE_URL", "REDIS_URL"):
        with pytest.raises(BadSetting) as sentence:
            read(env(**{name: "k1:hunter2"}))
        assert "hunter2" not in str(sentence.value)


@pytest.mark.parametrize(
    ("name", "value"), [("SWEEP_SECONDS", "often"), ("MPESA_SHORTCODE", "x"), ("SECRET_KEY", "")]
)
def test_a_start_with_a_bad_setting_ends_with_the_sentence(name, value):
    given = env(**{name: value}) | {"PATH": os.environ["PATH"]}
    start = subprocess.run(
        [sys.executable, "-c", "import wsgi"],
        cwd=ROOT,
        env=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert start.returncode == 1
    assert start.stderr.startswith(f"Malipo cannot start: {name} ")
    assert "Traceback" not in start.stderr
