import os
import signal
import socket
import sys
import threading

import pytest

from app.local.processes import CannotRun
from app.local.supervisor import Child, Supervisor, answers
from tests.local.test_launcher import name_of, wait_for

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1); time.sleep(99)"
)


@pytest.fixture
def supervisor(tmp_path):
    made = Supervisor(os.environ, tmp_path)
    yield made
    made.signalled(signal.SIGINT, None)
    made.signalled(signal.SIGINT, None)
    made.stop()


def python(name, code, ready_url=None):
    return Child(name, (sys.executable, "-c", code), ready_url)


def web(port):
    argv = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port))
    return Child("web", argv, f"http://127.0.0.1:{port}/")


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_it_waits_until_they_answer(supervisor, free_port):
    child = web(free_port)
    supervisor.start(child)
    supervisor.wait_until_ready([child, python("worker", "")])
    assert answers(child.ready_url)
    supervisor.stop()
    assert not answers(child.ready_url)


def test_one_that_never_answers_is_one_sentence(supervisor, free_port):
    child = Child("web", ("/bin/sleep", "99"), f"http://127.0.0.1:{free_port}/")
    supervisor.start(child)
    with pytest.raises(CannotRun, match=r"Not ready after 0\.1 seconds: web\. See"):
        supervisor.wait_until_ready([child], seconds=0.1)


@pytest.mark.parametrize(
    "code, how",
    [
        ("print('no money left'); raise SystemExit(3)", "stopped with exit code 3"),
        (
            "import os; print('no money left', flush=True); os.kill(os.getpid(), 9)",
            "was killed by signal 9",
        ),
    ],
)
def test_a_dead_child_is_one_sentence_with_its_last_words(supervisor, code, how):
    supervisor.start(python("worker", code))
    with pytest.raises(CannotRun, match=rf"(?s)worker {how}, so .*worker\.log:\n    no money left"):
        supervisor.keep()


def test_a_dead_server_is_noticed_too(supervisor, valkey):
    supervisor.watch(valkey.name, valkey.start(), valkey.log)
    valkey.process.kill()
    with pytest.raises(CannotRun, match="Valkey was killed by signal 9"):
        supervisor.keep()


def test_an_error_reaches_the_terminal_and_the_rest_does_not(supervisor, capfd):
    code = """print('{"level": "info"}\\n{"level": "error", "event": "late"}\\nERROR again\\nhalf', end="")"""
    worker = supervisor.start(python("worker", code))
    worker.process.wait()
    with pytest.raises(CannotRun):
        supervisor.check()
    assert capfd.readouterr().err == 'worker | {"level": "error", "event": "late"}\n'


def test_what_a_command_wrote_comes_back(supervisor):
    assert supervisor.finish(python("demo", "print('first')")) == "first\n"
    assert supervisor.finish(python("demo", "print('second')")) == "second\n"
    supervisor.check()  # its end is no accident


def test_a_command_that_fails_is_one_sentence(supervisor):
    with pytest.raises(CannotRun, match="migrate stopped with exit code 1"):
        supervisor.finish(python("migrate", "raise SystemExit(1)"))


def test_ctrl_c_ends_a_command(supervisor):
    supervisor.stopping.set()
    assert supervisor.finish(Child("migrate", ("/bin/sleep", "99"))) == ""
    supervisor.stop()


def test_they_stop_in_reverse_and_with_what_they_started(supervisor, tmp_path):
    shell = "/bin/sleep 99 & echo $!; exec /bin/sleep 98"
    first = supervisor.start(Child("first", ("/bin/sh", "-c", shell)))
    wait_for(lambda: (tmp_path / "first.log").read_text().strip())
    supervisor.stop()
    assert first.process.returncode == -signal.SIGTERM
    wait_for(lambda: name_of((tmp_path / "first.log").read_text().strip()) is None)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_asks(supervisor, number):
    with supervisor.signals():
        supervisor.start(Child("worker", ("/bin/sleep", "99")))
        timer = threading.Timer(0.2, os.kill, (os.getpid(), number))
        timer.start()
        supervisor.keep()
        timer.join()
    assert supervisor.stopping.is_set()


def test_a_second_signal_does_not_ask(supervisor, tmp_path):
    with supervisor.signals():
        worker = supervisor.start(python("worker", STUBBORN))
        wait_for((tmp_path / "worker.log").read_text)
        timers = [threading.Timer(t, os.kill, (os.getpid(), signal.SIGINT)) for t in (0.1, 0.4)]
        for timer in timers:
            timer.start()
        supervisor.keep()
        supervisor.stop()
        for timer in timers:
            timer.join()
    assert worker.process.returncode == -signal.SIGKILL


def test_a_signal_before_the_doors_open_ends_the_waiting(supervisor, free_port):
    supervisor.stopping.set()
    supervisor.wait_until_ready([web(free_port)])
