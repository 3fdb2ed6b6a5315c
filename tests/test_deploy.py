"""What lies in deploy/: complete, and true to the code. nginx runs for real where it is installed."""

import configparser
import dataclasses
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
import urllib3
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select
from werkzeug.serving import make_server

import config
import menu
from app import clock, create_app
from app.extensions import db
from app.local.run import GRANIAN
from app.payments.models import Callback
from tests.conftest import let_go
from tests.faults.patience import eventually
from tests.running import free_port
from tests.test_architecture import variables  # noqa: F401 - a fixture
from tests.test_config import production

ROOT = Path(config.__file__).parent
DEPLOY = ROOT / "deploy"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
HOST = "pay.example.co.ke"
TOKEN = "c0ffee00c0ffee00c0ffee00c0ffee00"
SAFARICOM = "196.201.214.200"


def example():
    lines = (DEPLOY / "malipo.env.example").read_text().splitlines()
    pairs = [re.fullmatch("(#?)([A-Z_]+)=(.*)", line) for line in lines]
    return {pair[2]: (pair[1], pair[3]) for pair in pairs if pair}


def test_every_setting_is_in_the_example_and_nothing_else(variables):  # noqa: F811
    assert example().keys() == variables


def test_the_example_starts_once_its_empty_lines_are_filled():
    given = {name: value for name, (hidden, value) in example().items() if not hidden}
    empty = {name for name, value in given.items() if not value}
    assert config.read(given | {name: production()[name] for name in empty}).https


# ── the image ──


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The tree that the Containerfile puts together."""
    tree = tmp_path_factory.mktemp("image")
    recipe = (DEPLOY / "Containerfile").read_text()
    for words in re.findall("^COPY ([^-].*)$", recipe, re.MULTILINE):
        *sources, target = words.split()
        for source in sources:
            copy(ROOT / source, tree / (source if target == "./" else target))
    [removed] = re.findall(r"^RUN rm -rf (.*) \\$", recipe, re.MULTILINE)
    for name in removed.split():
        place = tree / name
        assert place.exists(), f"{name} is not there to be removed"
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    return tree


def copy(source, target):
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def test_the_image_holds_what_runs_and_nothing_that_pretends(image):
    assert {path.name for path in image.iterdir()} == {
        "app",
        "config.py",
        "menu.py",
        "migrations",
        "requirements.txt",
        "serve.py",
        "wsgi.py",
    }
    told = [path for path in image.rglob("*.py") if "simulator" in path.name or "demo" in path.name]
    assert told == []
    assert not (image / "app/simulator").exists()


def test_the_image_starts_without_the_simulator(image):
    commands = set(re.findall("^  ([a-z-]+)", flask(image, "--help"), re.MULTILINE))
    assert commands >= {"worker", "scheduler", "sweep", "doctor", "backup", "check-books", "db"}
    assert not commands & {"simulator", "demo"}
    assert "hooks.stk " in flask(image, "routes")


def flask(image, *words):
    return subprocess.run(
        [sys.executable, "-m", "flask", *words],
        cwd=image,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"} | production(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def test_what_the_image_installs_has_hashes():
    """A file without them would be refused by pip, by name."""
    for file in ("requirements.txt", "requirements-dev.txt", "requirements-tools.txt"):
        blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / file).read_text(), flags=re.IGNORECASE)[1:]
        assert len(blocks) > 20, file
        assert all("--hash=sha256:" in block for block in blocks), file


@pytest.mark.parametrize("name", ["requirements", "requirements-dev", "requirements-tools"])
def test_what_people_wrote_is_what_is_locked(name):
    """Else `make lock` was forgotten."""
    wanted = re.findall(r"^[a-z].*==.*$", (ROOT / f"{name}.in").read_text(), re.MULTILINE)
    locked = re.findall(r"^([^\s\\]+==[^\s\\]+)", (ROOT / f"{name}.txt").read_text(), re.MULTILINE)
    plain = [re.sub(r"\[.*\]", "", pin).lower() for pin in locked]
    assert wanted
    assert [pin for pin in wanted if re.sub(r"\[.*\]", "", pin).lower() not in plain] == []


# ── compose and systemd ──


def test_the_reference_is_two_web_hosts_two_workers_and_servers_that_forget_nothing():
    services = yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"]
    assert services["worker"]["deploy"]["replicas"] == 2
    ours = {"web1", "web2", "worker", "scheduler", "migrate", "backup", "renew"}
    assert ours <= services.keys()
    for name in ours:
        assert services[name]["read_only"], name
        assert services[name]["cap_drop"] == ["ALL"], name
    redis = " ".join(services["redis"]["command"])
    assert "--appendonly yes" in redis
    assert "--maxmemory-policy noeviction" in redis
    assert "ports" not in services["redis"]
    assert "ports" not in services["postgres"]


@pytest.mark.parametrize(
    "file", sorted((DEPLOY / "systemd").glob("*.service")), ids=lambda f: f.stem
)
def test_a_unit_may_write_nowhere_but_in_its_place(file):
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read(file)
    service = unit["Service"]
    assert service["User"] == "malipo"
    assert service["EnvironmentFile"] == "/etc/malipo/malipo.env"
    assert service["ProtectSystem"] == "strict"
    assert service["ReadWritePaths"].split()[0] == "/srv/malipo/instance"
    assert service["NoNewPrivileges"] == "yes"


@pytest.mark.parametrize("file", sorted((DEPLOY / "systemd").glob("*.timer")), ids=lambda f: f.stem)
def test_a_timer_starts_a_command_that_is_there_and_is_named_in_the_operations(file):
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read([file, file.with_suffix(".service")])
    command = unit["Service"]["ExecStart"].split()[1]
    assert command in {name for lines in menu.ours().values() for name in lines}
    assert unit["Timer"]["Persistent"] == "yes"
    assert re.fullmatch(r"\*-\*-\* \d\d:\d\d UTC", unit["Timer"]["OnCalendar"])
    assert file.name in (ROOT / "docs/operations.md").read_text()


# ── nginx ──


@pytest.fixture
def behind_nginx(app, tmp_path):
    """Our application behind deploy/nginx.conf; of its two web hosts one is gone."""
    if NGINX is None:
        pytest.skip("there is no nginx: apt-get install nginx-light")
    settings = app.extensions["malipo.settings"]
    here = {"public_base_url": f"https://{HOST}", "trusted_proxy_hops": 1}
    ours = create_app(dataclasses.replace(settings, **here))
    server = make_server("127.0.0.1", 0, ours, threaded=True)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    port = free_port()
    process = subprocess.Popen([NGINX, "-p", tmp_path, "-c", written(tmp_path, port, server.port)])
    ask = asking(tmp_path, port)
    yield ask
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    server.shutdown()
    thread.join()
    with ours.app_context():
        let_go()


def written(place, port, web):
    """The file as it is, with this machine's ports and places."""
    certify(place)
    text = (DEPLOY / "nginx.conf").read_text()
    for here, there in (
        ("web1:8000", f"127.0.0.1:{web}"),
        ("web2:8000", f"127.0.0.1:{free_port()}"),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("listen 80", f"listen 127.0.0.1:{free_port()}"),
        ("/etc/ssl/malipo", str(place)),
        ("/var/log/nginx", str(place)),
        ("/var/cache/nginx/malipo", f"{place}/cache"),
    ):
        assert here in text
        text = text.replace(here, there)
    temporary = "".join(
        f"{name}_temp_path {place}/{name}; "
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root; " if os.geteuid() == 0 else ""
    head = f"{user}daemon off; pid {place}/pid; error_log {place}/start.log; events {{}}\n"
    (place / "nginx.conf").write_text(f"{head}http {{ {temporary}\n{text}}}\n")
    return place / "nginx.conf"


def certify(place):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = clock.now()
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (place / "fullchain.pem").write_bytes(made.public_bytes(pem))
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (place / "key.pem").write_bytes(key.private_bytes(pem, *plain))


def asking(place, port):
    def ask(method, path, host=HOST, **more):
        pool = urllib3.HTTPSConnectionPool(
            "127.0.0.1",
            port,
            server_hostname=host,
            assert_hostname=host,
            ca_certs=str(place / "fullchain.pem"),
            retries=urllib3.Retry(connect=20, backoff_factor=0.05, redirect=False, other=0),
        )
        with pool:
            headers = {"Host": host} | more.pop("headers", {})
            return pool.request(method, path, headers=headers, timeout=15, **more)

    return ask


def doors(log):
    return re.findall('"door":"([^"]+)"', log.read_text())


def test_no_token_and_no_number_is_in_the_proxys_log(behind_nginx, tmp_path):
    behind_nginx("POST", f"/hooks/v1/d/{TOKEN}", body=b"{}")
    behind_nginx("GET", f"/pay/{TOKEN}")
    behind_nginx("GET", f"/pay/{TOKEN}/status", headers={"Referer": f"https://{HOST}/pay/{TOKEN}"})
    behind_nginx("GET", "/admin/payments/?q=0712345678")
    behind_nginx("GET", "/")
    wanted = ["/hooks/v1/d/-", "/pay/-", "/pay/-/status", "/admin/payments/", "/"]
    written = tmp_path / "malipo.log"  # nginx writes a line after its answer
    eventually(lambda: doors(written) == wanted, 10, f"{wanted} in {written.read_text()}")
    log = written.read_text()
    everything = log + (tmp_path / "malipo-error.log").read_text()
    assert TOKEN not in everything
    assert "0712345678" not in everything


def test_a_forged_address_never_counts(behind_nginx):
    """Neither alone nor in a list; and a host that is gone costs no message of M-PESA."""
    for forged in (SAFARICOM, f"{SAFARICOM}, {SAFARICOM}", "::1"):
        headers = {"X-Forwarded-For": forged, "Forwarded": f"for={SAFARICOM}"}
        answer = behind_nginx("POST", f"/hooks/v1/d/{TOKEN}", body=b"{}", headers=headers)
        assert answer.status == 404
    db.session.rollback()
    assert db.session.scalars(select(Callback.address)).all() == ["127.0.0.1"] * 3


def test_what_is_too_large_or_for_nobody_outside_stops_at_the_proxy(behind_nginx):
    answer = behind_nginx("POST", f"/hooks/v1/d/{TOKEN}", body=b" " * 70_000)
    assert answer.status == 413
    assert [behind_nginx("GET", door).status for door in ("/metrics", "/readyz")] == [404, 404]
    assert behind_nginx("GET", "/healthz").status == 200
    with pytest.raises(urllib3.exceptions.MaxRetryError) as refused:
        behind_nginx("GET", "/", host="other.example.co.ke")
    assert isinstance(refused.value.reason, (urllib3.exceptions.SSLError, ssl.SSLError))


def test_what_may_be_kept_for_ever_is_asked_for_once(behind_nginx):
    page = behind_nginx("GET", "/").data.decode()
    path = re.findall(r'"(/static/[^"]+\.css)"', page)[0]
    first, again = (behind_nginx("GET", path) for _ in range(2))
    assert first.data == again.data
    assert first.headers["X-Request-Id"] == again.headers["X-Request-Id"]


def test_the_web_is_started_alike_wherever_it_is_started():
    """Its limits were tried with these words (docs/security.md, docs/scale.md)."""
    said = GRANIAN.partition("--blocking-threads")[2].split()
    for place in ("README.md", "deploy/Containerfile", "deploy/systemd/malipo-web.service"):
        text = re.sub(r'[",\\]', " ", (ROOT / place).read_text())
        found = text.partition("--blocking-threads")[2].split()
        assert found[: len(said)] == said, place
        assert re.search(r"python +serve\.py +--interface +wsgi", text), place


def test_all_that_runs_keeps_few_pools_of_memory():
    """docs/adr/0025."""
    for place in (
        "README.md",
        "deploy/Containerfile",
        "deploy/systemd/malipo-web.service",
        "deploy/systemd/malipo-worker@.service",
        "deploy/systemd/malipo-scheduler.service",
    ):
        assert "MALLOC_ARENA_MAX=2" in (ROOT / place).read_text(), place
