"""Where messages arrive: a real mail server and a real web server, in this process."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.running import free_port


class Kept:
    """What the mail server was sent, and the passwords that it was told."""

    def __init__(self):
        self.envelopes, self.passwords, self.answer = [], [], "250 ok"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - their name
        self.envelopes.append(envelope)
        return self.answer

    def authenticate(self, server, session, envelope, mechanism, given):
        self.passwords.append(given)
        return AuthResult(success=True)


@contextmanager
def post_office(kept, port=None, **more):
    """Its port."""
    office = Controller(kept, hostname="127.0.0.1", port=port or free_port(), **more)
    office.start()
    try:
        yield office.port
    finally:
        office.stop()


class Listening(ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Ear)
        self.heard, self.status = [], 200
        self.url = f"http://127.0.0.1:{self.server_port}/in?key=1"


class Ear(BaseHTTPRequestHandler):
    server: Listening

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def ear():
    """A web server that notes what it hears."""
    server = Listening()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
