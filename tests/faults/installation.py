"""Malipo on this machine as `make run` has it, on a copy of the tree: every process a child to be killed.

PostgreSQL and Valkey are durable, as in production: what was committed must survive a crash.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg

import config
from app.local import places, processes
from app.local.run import GRANIAN
from app.local.servers import in_instance
from app.local.supervisor import answers
from tests.faults.patience import eventually
from tests.faults.safaricom import Safaricom
from tests.running import PARTS, bare_environment, free_port

TREE = Path(config.__file__).parent
FLASK = (sys.executable, "-m", "flask")
USUAL = ("simulator", "web", "worker", "scheduler")
START_SECONDS = 60


class Installation:
    def __init__(self, **settings):
        self.top = Path(tempfile.mkdtemp(prefix="malipo-faults-"))
        self.top.chmod(0o755)  # where root tests, PostgreSQL is somebody else
        self.root = copied(self.top / "malipo")
        self.logs = self.root / "instance/log"
        self.postgres, self.valkey = in_instance(self.root / "instance")
        self.web = f"http://127.0.0.1:{free_port()}"
        self.safaricom = Safaricom(f"http://127.0.0.1:{free_port()}")
        self.environment = self._environment() | settings
        self.running = {}

    def _environment(self):
        return bare_environment(
            DATABASE_URL=self.postgres.url,
            REDIS_URL=self.valkey.url,
            SECRET_KEY=secrets.token_hex(32),
            ENCRYPTION_KEYS=f"k1:{secrets.token_hex(32)}",
            PHONE_INDEX_KEY=secrets.token_hex(32),
            MPESA_ENVIRONMENT="simulator",
            MPESA_BASE_URL=self.safaricom.url,
            MPESA_CONSUMER_KEY="key",
            MPESA_CONSUMER_SECRET="secret",
            MPESA_SHORTCODE="174379",
            MPESA_PASSKEY="passkey",
            PUBLIC_BASE_URL=self.web,
            PROMPT_LIMITS_ENABLED="0",
            SWEEP_SECONDS="1",
            QUERY_SCHEDULE="2,4,6,10,15,20,30,40",
            PUSH_CONNECT_SECONDS="1",
            PUSH_READ_SECONDS="3",
            LOG_LEVEL="INFO",
            PYTHONUNBUFFERED="1",
        )

    def open(self, *names, redis=True):
        """With something to buy, and the processes of these names running."""
        self.postgres.start()
        if redis:
            self.valkey.start()
        self.flask("db", "upgrade").check_returncode()
        self.start(*(names or USUAL), wait=False)
        self.flask("demo", "--no-history").check_returncode()
        self.wait_until_ready()

    def close(self):
        for name in list(self.running):
            self.kill(name)
        for server in (self.valkey, self.postgres):
            if server.process is not None:
                server.process.send_signal(signal.SIGCONT)
            server.stop()
        self.safaricom.close()
        places.remove(self.postgres.data)
        shutil.rmtree(self.top)

    def start(self, *names, wait=True):
        """`worker2` is another `flask worker`. Ready when this returns, if it can be asked."""
        for name in names:
            with (self._log(name)).open("ab") as output:
                self.running[name] = subprocess.Popen(
                    (*launcher(), *self._command(name.rstrip("0123456789"))),
                    cwd=self.root,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        if wait:
            self.wait_until_ready()

    def _log(self, name):
        self.logs.mkdir(parents=True, exist_ok=True)
        return self.logs / f"{name}.log"

    def _command(self, kind):
        if kind == "web":
            listen = ("--host", "127.0.0.1", "--port", self.web.rpartition(":")[2])
            return (sys.executable, "serve.py", *GRANIAN.split(), *listen, "wsgi:app")
        if kind == "simulator":
            return (*FLASK, "simulator", "--port", self.safaricom.url.rpartition(":")[2])
        return (*FLASK, kind)

    def wait_until_ready(self):
        doors = {"web": self.web, "simulator": self.safaricom.url}
        for name in doors.keys() & self.running.keys():
            eventually(lambda name=name: answers(f"{doors[name]}/healthz"), START_SECONDS, name)

    def kill(self, *names):
        """SIGKILL, to the process and to whatever it has started; nobody can tidy up."""
        for name in names:
            process = self.running.pop(name)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop(self, *names):
        """SIGTERM, and what was begun is finished. The exit codes."""
        stopping = [self.running.pop(name) for name in names]
        for process in stopping:
            process.send_signal(signal.SIGTERM)
        return [process.wait(START_SECONDS) for process in stopping]

    def mend(self):
        """As at the beginning, whatever a test has left broken."""
        for server in (self.valkey, self.postgres):
            if server.process is not None and server.process.poll() is None:
                server.process.send_signal(signal.SIGCONT)
            else:
                server.stop()
                server.start()
        self.kill(*self.died(), *(self.running.keys() - USUAL))
        self.start(*(name for name in USUAL if name not in self.running))
        self.safaricom.faults(everything="ok", oauth="ok")

    def died(self):
        """Names of processes that nobody has killed, and that are gone all the same."""
        return [name for name, process in self.running.items() if process.poll() is not None]

    def flask(self, *words):
        return subprocess.run(
            (*FLASK, *words),
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=START_SECONDS,
        )

    def commands(self, *lines):
        """Several at once, each a string, like "export payments"."""
        with ThreadPoolExecutor() as together:
            return list(together.map(lambda line: self.flask(*line.split()), lines))

    def sql(self, statement):
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            return connection.execute(statement).fetchall()

    def count(self, table, condition):
        return self.sql(f"select count(*) from {table} where {condition}")[0][0]

    def spooled(self):
        return sorted((self.root / "instance/spool").glob("*"))

    def keep_logs(self):
        """For whoever wants to know why; where they are."""
        kept = Path(tempfile.mkdtemp(prefix="malipo-faults-logs-"))
        return shutil.copytree(self.logs, kept, dirs_exist_ok=True)


def copied(root):
    """Its own instance/, and so its own spool. The byte code comes along: it saves a second."""
    root.mkdir()
    for part in PARTS:
        source = TREE / part
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, root / part)
    return root


def launcher():
    """Whatever happens to the test, what it has started ends with it."""
    death = str(int(signal.SIGKILL))
    return (sys.executable, "-I", "-S", str(processes.LAUNCHER), str(os.getpid()), death, "")
