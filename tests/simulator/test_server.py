import os
import signal
from dataclasses import replace
from threading import Event, Thread, Timer

import pytest
import requests

from app.simulator import running, serve
from app.simulator.scheduler import Scheduler
from tests.simulator.support import QUICK, eventually, opened_door, order, signed


def pushed(url: str, session: requests.Session, callback_url: str, phone: str) -> requests.Response:
    oauth = f"{url}/oauth/v1/generate?grant_type=client_credentials"
    token = session.get(oauth, auth=("key", "secret"), timeout=10).json()["access_token"]
    return session.post(
        f"{url}/mpesa/stkpush/v1/processrequest",
        json=signed() | order(callback_url) | {"PhoneNumber": phone},
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )


def test_over_the_wire():
    with opened_door() as door, running(QUICK) as simulator, requests.Session() as session:
        script = {"outcome": "paid", "pin_after": 0}
        session.post(f"{simulator.url}/control/script", json=script, timeout=5)
        answer = pushed(simulator.url, session, door.url, "254712345678")
        assert answer.json()["ResponseCode"] == "0"
        assert answer.headers["Date"].count("GMT") == 1
        eventually(lambda: door.bodies)
        assert door.news()["CheckoutRequestID"] == answer.json()["CheckoutRequestID"]


def test_the_line_can_go_dead():
    with running(QUICK) as simulator, requests.Session() as session:
        session.post(f"{simulator.url}/control/script", json={"push": "cut"}, timeout=5)
        with pytest.raises(requests.ConnectionError):
            pushed(simulator.url, session, "http://127.0.0.1:9/", "254712345678")
        eventually(lambda: simulator.mpesa.prompt_on("254712345678"))


def test_many_slow_pushes_at_once_all_arrive():
    count = 40
    with opened_door() as door, running(QUICK) as simulator:
        with requests.Session() as session:
            script = {"outcome": "paid", "pin_after": 0}
            session.post(f"{simulator.url}/control/script", json=script, timeout=5)
            faults = {"push_seconds": 0.5}
            session.post(f"{simulator.url}/control/faults", json=faults, timeout=5)

        def buy(number: int) -> None:
            with requests.Session() as session:
                pushed(simulator.url, session, door.url, f"2547{number:08d}")

        buyers = [Thread(target=buy, args=(number,)) for number in range(count)]
        for buyer in buyers:
            buyer.start()
        for buyer in buyers:
            buyer.join()
        eventually(lambda: len(door.bodies) == count, seconds=30)
        assert len({door.news(index)["CheckoutRequestID"] for index in range(count)}) == count
        assert sum(payment.state == "paid" for payment in simulator.mpesa.payments()) == count


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_peace(capsys, number):
    before = signal.getsignal(number)
    Timer(0.5, os.kill, (os.getpid(), number)).start()
    serve("127.0.0.1", 0, replace(QUICK, hang_seconds=60))
    said = capsys.readouterr()
    assert said.out.startswith("Pretend Safaricom, with a phone: http://127.0.0.1:")
    assert (said.out.count("\n"), said.err) == (1, "")
    assert signal.getsignal(number) == before


def test_things_happen_in_their_order():
    happened: list[str] = []
    done = Event()
    scheduler = Scheduler()
    scheduler.after(0.15, done.set)
    scheduler.after(0.1, lambda: happened.append("second"))
    scheduler.after(0.0, lambda: happened.append("first"))
    assert done.wait(10)
    scheduler.stop()
    assert happened == ["first", "second"]


def test_nothing_happens_after_the_end():
    happened: list[str] = []
    scheduler = Scheduler()
    scheduler.after(60, lambda: happened.append("late"))
    scheduler.stop()
    scheduler.after(0, lambda: happened.append("later"))
    Scheduler().stop()
    assert happened == []
