"""The simulator as a process of its own, or as a guest in a test."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from types import FrameType

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from app.simulator.application import create_simulator
from app.simulator.mpesa import Mpesa
from app.simulator.settings import SimulatorSettings

STOPS = (signal.SIGTERM, signal.SIGINT)


class QuietHandler(WSGIRequestHandler):
    # The page's own log tells more; a line for each request would bury the shop's output.
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  # the parent's name
        pass


@dataclass(frozen=True)
class Running:
    url: str
    simulator: Flask
    mpesa: Mpesa


def serve(host: str, port: int, settings: SimulatorSettings) -> None:
    simulator = create_simulator(settings)
    server = listening(host, port, simulator)

    def stop(_number: int, _frame: FrameType | None) -> None:
        # shutdown() waits for the loop that this very handler interrupts.
        Thread(target=server.shutdown).start()

    before = {number: signal.signal(number, stop) for number in STOPS}
    sys.stdout.write(f"Pretend Safaricom, with a phone: {address(server)}/\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    finally:
        simulator.extensions["simulator"].stop()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def running(
    settings: SimulatorSettings, host: str = "127.0.0.1", port: int = 0
) -> Iterator[Running]:
    """On a thread of this process; port 0 finds a free one."""
    simulator = create_simulator(settings)
    server = listening(host, port, simulator)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield Running(address(server), simulator, simulator.extensions["simulator"])
    finally:
        simulator.extensions["simulator"].stop()
        server.shutdown()
        thread.join()


def listening(host: str, port: int, simulator: Flask) -> BaseWSGIServer:
    return make_server(host, port, simulator, threaded=True, request_handler=QuietHandler)


def address(server: BaseWSGIServer) -> str:
    return f"http://{server.host}:{server.port}"
