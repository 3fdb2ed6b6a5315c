"""`make run`: PostgreSQL, Valkey, the web server, a worker, the scheduler and the simulator."""

import os
import socket
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from app.local.processes import CannotRun
from app.local.servers import in_instance
from app.local.settings import demo_environment
from app.local.supervisor import Child, Supervisor

ROOT = Path(__file__).parents[2]
FLASK = (sys.executable, "-m", "flask", "--app", "wsgi")
MIGRATE = Child("migrate", (*FLASK, "db", "upgrade"))
DEMO = Child("demo", (*FLASK, "demo"))
# Idle keep-alive connections count: with granian's own limits 1,000 waiting pages shut out the rest.
GRANIAN = (
    "--interface wsgi --workers 1 --blocking-threads 64 --backlog 16384 --backpressure 8192 "
    "--http1-header-read-timeout 10000 --http1-buffer-size 32768"
)
HIGHEST_PORT = 65535


def main() -> int:
    """Until Ctrl-C or SIGTERM; the exit code."""
    instance = ROOT / "instance"
    environment = dict(os.environ)
    try:
        ports = chosen_ports(environment)
        environment |= demo_environment(instance, environment)
        for name, port in ports.items():
            check_free(name, port)
    except (CannotRun, OSError) as problem:
        return complain(problem)
    return supervise(environment, instance, process_table(environment, ports))


def chosen_ports(environment: Mapping[str, str]) -> dict[str, int]:
    names = {"PORT": 8000, "SIMULATOR_PORT": 8001}
    ports = {name: _port(environment, name, default) for name, default in names.items()}
    if ports["PORT"] == ports["SIMULATOR_PORT"]:
        raise CannotRun("PORT and SIMULATOR_PORT are the same: choose two.")
    return ports


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= HIGHEST_PORT):
        raise CannotRun(f"{name} must be a number from 1 to {HIGHEST_PORT}, not {text!r}.")
    return int(text)


def check_free(name: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CannotRun(
                f"Port {port} cannot be used ({error.strerror}): stop what listens there, "
                f"or choose another: make run {name}={port + 10}"
            ) from error


def process_table(environment: Mapping[str, str], ports: Mapping[str, int]) -> list[Child]:
    """Stopped from the last to the first: a worker that finishes its work still finds Safaricom."""
    web, phone = (f"http://127.0.0.1:{port}" for port in ports.values())
    listen = ("--host", "127.0.0.1", "--port", str(ports["PORT"]))
    granian = (sys.executable, str(ROOT / "serve.py"), *GRANIAN.split(), *listen, "wsgi:app")
    simulator = (*FLASK, "simulator", "--port", str(ports["SIMULATOR_PORT"]))
    table = [
        Child("simulator", simulator, f"{phone}/healthz"),
        Child("web", granian, f"{web}/readyz"),
        Child("worker", (*FLASK, "worker")),
        Child("scheduler", (*FLASK, "scheduler")),
    ]
    return table if _simulated(environment) else table[1:]


def _simulated(environment: Mapping[str, str]) -> bool:
    return environment.get("MPESA_ENVIRONMENT") == "simulator"


def supervise(environment: Mapping[str, str], instance: Path, children: list[Child]) -> int:
    supervisor = Supervisor(environment, instance / "log")
    with ExitStack() as stack:
        stack.enter_context(supervisor.signals())
        say("Starting … (a minute the first time, then seconds)")
        try:
            use_servers(supervisor, instance, stack)
            stack.callback(supervisor.stop)
            prepare(supervisor, instance)
            open_doors(supervisor, instance, children)
            supervisor.keep()
        except (CannotRun, OSError) as problem:
            return complain(problem)
        say("Stopping … (Ctrl-C again: at once)")
    say("Stopped.")
    return 0


def use_servers(supervisor: Supervisor, instance: Path, stack: ExitStack) -> None:
    """Those of DATABASE_URL and REDIS_URL, or else our own."""
    urls = ("DATABASE_URL", "REDIS_URL")
    for name, server in zip(urls, in_instance(instance), strict=True):
        if not supervisor.environment.get(name, "").strip():
            supervisor.watch(server.name, server.start(), server.log)
            stack.callback(server.stop)
            supervisor.environment[name] = server.url


def prepare(supervisor: Supervisor, instance: Path) -> None:
    """The tables; then something to buy and somebody who may look, the first time."""
    supervisor.finish(MIGRATE)
    if supervisor.stopping.is_set() or not _simulated(supervisor.environment):
        return
    for line in supervisor.finish(DEMO).splitlines():
        if line.startswith("admin:"):
            _login(instance).touch(mode=0o600)
            _login(instance).write_text(f"{line}\n")
    (instance / "log/demo.log").unlink()  # a password is no business of logs


def _login(instance: Path) -> Path:
    return instance / "admin.txt"


def open_doors(supervisor: Supervisor, instance: Path, children: list[Child]) -> None:
    for child in children:
        if not supervisor.stopping.is_set():
            supervisor.start(child)
    supervisor.wait_until_ready(children)
    if not supervisor.stopping.is_set():
        say(addresses(children, instance))


def addresses(children: list[Child], instance: Path) -> str:
    doors = {child.name: str(child.ready_url).rpartition("/")[0] for child in children}
    lines = [f"  plans   {doors['web']}/"]
    if "simulator" in doors:
        lines.append(f"  phone   {doors['simulator']}/")
    lines.append(f"  admin   {doors['web']}/admin/{_who(_login(instance))}")
    return "\n".join(["Malipo runs; Ctrl-C stops it.", *lines, f"  logs    {instance / 'log'}"])


def _who(login: Path) -> str:
    if not login.exists():
        return ""
    return f"   as {login.read_text().split()[1]}, password in {login}"


def say(text: str) -> None:
    print(text, flush=True)


def complain(problem: Exception) -> int:
    print(problem, file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
