"""Bodies are waited for outside, so that slow phones and strangers do not keep others from being served.

A server's threads are many (`--blocking-threads`), because one that waits for a slow body costs next
to nothing; but only so many work at once, because Python's would only wait for each other. Without
this, as many half-sent forms as there are threads stop the service for as long as they like. More
slow bodies than threads still do: a proxy that buffers requests stands in front (docs/security.md).
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from io import BytesIO
from threading import BoundedSemaphore
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

AT_ONCE = 4  # requests of one process
CHUNKED = "HTTP_TRANSFER_ENCODING"
NUMBER = re.compile("[0-9]{1,9}")


class WaitingRoom:
    def __init__(self, app: "WSGIApplication", most_bytes: int) -> None:
        self.app, self.most_bytes = app, most_bytes
        self.turns = BoundedSemaphore(AT_ONCE)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        self._take_body(environ)
        with self.turns:
            return self.app(environ, start_response)

    def _take_body(self, environ: "WSGIEnvironment") -> None:
        """What is longer is refused without being read, or is a statement that staff upload."""
        length = self._length(environ)
        if length is None:
            return
        body = _read(environ["wsgi.input"], length)
        if environ.pop(CHUNKED, None):
            environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = BytesIO(body)
        # Now the length that was said counts: Werkzeug takes less for a sender that went away, where
        # it would believe the end of a stream, and cut what is too long.
        environ.pop("wsgi.input_terminated", None)

    def _length(self, environ: "WSGIEnvironment") -> int | None:
        """How much to take: of a body in chunks, a byte more than may come."""
        if environ.get(CHUNKED):
            return self.most_bytes + 1
        said = environ.get("CONTENT_LENGTH") or ""
        known = NUMBER.fullmatch(said)
        return int(said) if known and int(said) <= self.most_bytes else None


def _read(stream: IO[bytes], most: int) -> bytes:
    """Until so much is there, or the sender has no more, or is gone."""
    body = bytearray()
    with suppress(OSError):
        while len(body) < most and (more := stream.read(most - len(body))):
            body += more
    return bytes(body)
