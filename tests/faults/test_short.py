"""The shortest run of faults that means something; `make faults` has the long ones."""

import signal
from time import sleep

from tests.faults import account, clockwork

PAID = {"outcome": "paid", "prompt_delay": 0.1, "pin_after": 0.3, "callback_delay": 0.1}


def test_faults_lose_no_shilling_and_invent_none(house, crowd):
    in_push = crowd.come(4, **PAID | {"push": "delay:2", "callback_delay": 2.5})
    house.safaricom.has_asked(in_push)
    house.kill("worker")  # and four answers with it
    crowd.come(4, **PAID, push="lost")
    crowd.come(2, **PAID, callback="fail_then_success")
    crowd.come(1, outcome="1032", prompt_delay=0.1, pin_after=0.3)
    crowd.served()
    house.valkey.process.send_signal(signal.SIGSTOP)
    house.start("worker")
    crowd.come(6, **PAID)
    clockwork.assert_quick(house, crowd)
    sleep(3)
    house.valkey.process.send_signal(signal.SIGCONT)
    crowd.come(2, **PAID, callback="twice")
    account.settle(house, crowd)
