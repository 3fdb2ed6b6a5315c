"""`flask simulator`: a pretend Safaricom with the default merchant's name, and nowhere else.
(`worker`, `scheduler` and `sweep`: tests/jobs.)"""

import http.client
import re
import socket

from app.extensions import db
from tests.jobs.support import eventually, terminated

COMMANDS = (
    "merchant",
    "plan",
    "staff",
    "worker",
    "scheduler",
    "sweep",
    "simulator",
    "check-books",
    "export",
    "demo",
)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def page(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    except OSError:
        return ""
    finally:
        connection.close()


def test_the_simulator_plays_safaricom_until_it_is_told_to_stop(app, cli):
    port, seen = free_port(), []

    def shown():
        seen.append(page(port))
        return seen[-1]

    with terminated(shown):
        result = cli.invoke(args=["simulator", "--port", str(port)])
    assert result.exit_code == 0
    assert re.search(f"http://127.0.0.1:{port}/", result.output)
    assert "http://localhost/" in seen[-1]  # where the customer buys
    assert not eventually(lambda: page(port), 0.1)


def test_the_simulator_starts_before_anybody_has_a_name(app, cli):
    db.session.execute(db.text("truncate merchant cascade"))
    db.session.commit()
    port = free_port()
    with terminated(lambda: page(port)) as happened:
        assert cli.invoke(args=["simulator", "--port", str(port)]).exit_code == 0
    assert happened[0]


def test_outside_the_simulator_there_is_none(cli, set_setting):
    for where in ("sandbox", "production"):
        set_setting(mpesa_environment=where)
        result = cli.invoke(args=["simulator"])
        assert result.exit_code == 1
        assert result.output == (
            "Error: The simulator runs only with MPESA_ENVIRONMENT=simulator.\n"
        )


def test_help_tells_of_every_command(cli):
    told = cli.invoke(args=["--help"]).output
    for command in COMMANDS:
        assert re.search(rf"^  {command} +\S", told, re.MULTILINE), command
