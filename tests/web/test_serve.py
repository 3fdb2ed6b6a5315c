"""What the web server's processes are forked from has nothing that a fork would halve."""

import json
import subprocess
import sys

from tests.conftest import environment
from tests.running import bare_environment
from tests.web import serving

PREPARED = """
import gc, json, os, sys, serve
serve.prepare()
opened = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
links = [os.readlink(path) for path in opened if os.path.exists(path)]
said = {
    "app": "wsgi" in sys.modules,
    "threads": len(os.listdir("/proc/self/task")),
    "sockets": [link for link in links if link.startswith("socket:")],
    "kept": gc.get_freeze_count() > 100_000,
    "collects": gc.isenabled(),
    "needless": sorted({"alembic", "mako", "prometheus_client", "cryptography.x509"} & sys.modules.keys()),
}
print(json.dumps(said))
"""


def test_what_forks_has_the_application_one_thread_and_no_connection(postgres_url, redis_url):
    done = subprocess.run(
        [sys.executable, "-c", PREPARED],
        cwd=serving.ROOT,
        env=bare_environment(**environment(postgres_url, redis_url)),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout) == {
        "app": True,
        "threads": 1,
        "sockets": [],
        "kept": True,
        "collects": True,
        "needless": [],
    }
