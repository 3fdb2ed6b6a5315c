import os
import signal
import socket
import stat
import sys
import threading

import pytest

from app.local import run
from app.local.processes import CannotRun
from app.local.supervisor import Child

PORTS = {"PORT": 8000, "SIMULATOR_PORT": 8001}


@pytest.fixture
def free_ports():
    with socket.socket() as one, socket.socket() as two:
        for probe in (one, two):
            probe.bind(("127.0.0.1", 0))
        return {"PORT": one.getsockname()[1], "SIMULATOR_PORT": two.getsockname()[1]}


@pytest.fixture
def in_place(monkeypatch, instance, free_ports):
    """`make run` elsewhere, on other ports, and with nothing of the shell's."""
    monkeypatch.setattr(run, "ROOT", instance.parent)
    for name in ("DATABASE_URL", "REDIS_URL", "MPESA_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    for name, port in free_ports.items():
        monkeypatch.setenv(name, str(port))
    return free_ports


def test_ports_have_defaults_and_can_be_chosen():
    assert run.chosen_ports({}) == PORTS
    assert run.chosen_ports({"PORT": "80", "SIMULATOR_PORT": " "})["PORT"] == 80


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1", "٣"])
def test_a_port_that_is_none_is_one_sentence(text):
    with pytest.raises(CannotRun, match="PORT must be a number from 1 to 65535, not"):
        run.chosen_ports({"PORT": text})


def test_two_doors_need_two_ports():
    with pytest.raises(CannotRun, match="choose two"):
        run.chosen_ports({"PORT": "8001"})


def test_a_port_in_use_is_one_sentence(in_place, capsys, instance):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", in_place["PORT"]))
        taken.listen()
        assert run.main() == 1
    said = capsys.readouterr().err
    assert said.startswith(f"Port {in_place['PORT']} cannot be used (Address already in use): stop")
    assert said.count("\n") == 1
    assert not (instance / "postgres").exists()


def test_the_process_table():
    table = {
        child.name: child for child in run.process_table({"MPESA_ENVIRONMENT": "simulator"}, PORTS)
    }
    assert list(table) == ["simulator", "web", "worker", "scheduler"]
    assert table["web"].ready_url == "http://127.0.0.1:8000/readyz"
    assert table["simulator"].ready_url == "http://127.0.0.1:8001/healthz"
    assert table["web"].argv[-1] == "wsgi:app"
    assert table["worker"].ready_url is None


def test_beside_a_real_safaricom_none_is_pretended():
    table = run.process_table({"MPESA_ENVIRONMENT": "sandbox"}, PORTS)
    assert [child.name for child in table] == ["web", "worker", "scheduler"]


def test_a_full_disk_is_one_sentence(in_place, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run, "demo_environment", full)
    assert run.main() == 1
    assert "No space left on device" in capsys.readouterr().err


@pytest.fixture
def stand_ins(monkeypatch):
    """Tiny programs in place of the application's commands."""
    python = (sys.executable, "-c")
    show = "import os; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL'])"
    monkeypatch.setattr(run, "MIGRATE", Child("migrate", (*python, show)))
    login = "print('admin: owner@example.co.ke  password: secret')"
    monkeypatch.setattr(run, "DEMO", Child("demo", (*python, login)))

    def table(environment, ports):
        doors = {"simulator": ports["SIMULATOR_PORT"], "web": ports["PORT"]}
        serve = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1")
        return [
            Child(name, (*serve, str(port)), f"http://127.0.0.1:{port}/")
            for name, port in doors.items()
        ]

    monkeypatch.setattr(run, "process_table", table)


def press_ctrl_c_when(words, monkeypatch):
    """As soon as this is said, a signal arrives."""

    def say(text):
        print(text, flush=True)  # noqa: T201  # as the real one
        if words in text:
            threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()

    monkeypatch.setattr(run, "say", say)


def test_everything_runs_until_ctrl_c(in_place, stand_ins, monkeypatch, capsys, instance):
    press_ctrl_c_when("Malipo runs", monkeypatch)
    assert run.main() == 0
    said = capsys.readouterr()
    assert f"plans   http://127.0.0.1:{in_place['PORT']}/\n" in said.out
    assert f"phone   http://127.0.0.1:{in_place['SIMULATOR_PORT']}/\n" in said.out
    assert (
        f"admin   http://127.0.0.1:{in_place['PORT']}/admin/   as owner@example.co.ke" in said.out
    )
    assert said.out.endswith("Stopped.\n")
    assert "secret" not in said.out + said.err
    assert "secret" in (instance / "admin.txt").read_text()
    assert stat.S_IMODE((instance / "admin.txt").stat().st_mode) == 0o600
    assert not (instance / "log/demo.log").exists()
    assert not (instance / "postgres/postmaster.pid").exists()
    for port in in_place.values():
        run.check_free("PORT", port)


def test_ctrl_c_while_it_starts(in_place, stand_ins, monkeypatch, capsys, instance):
    press_ctrl_c_when("Starting", monkeypatch)
    assert run.main() == 0
    assert "Malipo runs" not in capsys.readouterr().out
    assert not (instance / "postgres/postmaster.pid").exists()


def test_with_urls_of_its_own_nothing_is_started(
    in_place, stand_ins, monkeypatch, instance, capsys
):
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/malipo")
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere")
    press_ctrl_c_when("Malipo runs", monkeypatch)
    assert run.main() == 0
    log = (instance / "log/migrate.log").read_text()
    assert log == "postgresql://elsewhere/malipo redis://elsewhere\n"
    assert not (instance / "postgres").exists()


def test_a_dead_child_stops_everything(in_place, stand_ins, monkeypatch, capsys, instance):
    dying = Child("worker", (sys.executable, "-c", "raise SystemExit('no')"))
    before = run.process_table
    monkeypatch.setattr(run, "process_table", lambda *args: [*before(*args), dying])
    assert run.main() == 1
    said = capsys.readouterr()
    assert "worker stopped with exit code 1, so everything stops." in said.err
    assert "Malipo runs" not in said.out
    assert not (instance / "postgres/postmaster.pid").exists()


def test_without_a_simulator_there_is_no_phone(instance):
    text = run.addresses([Child("web", (), "http://127.0.0.1:8000/readyz")], instance)
    assert "phone" not in text
    assert "admin   http://127.0.0.1:8000/admin/\n" in text
