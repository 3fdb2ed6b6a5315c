"""One token for all threads and all processes."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
import responses

from app import clock
from app.daraja import NotSent, TokenCache, Tokens
from tests.daraja.safaricom import (
    ACCEPTED,
    CHECKOUT,
    EXPIRED_TOKEN,
    HTML,
    OAUTH,
    PAYBILL,
    PROMPT,
    PUSH,
    answers,
    asked,
    client,
    gives_token,
)


class Store:
    """What Redis is to the processes."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, float]] = {}
        self.locked = 0

    def get(self, key: str) -> tuple[str, float] | None:
        return self.kept.get(key)

    def put(self, key: str, token: str, expires_at: float) -> None:
        self.kept[key] = token, expires_at

    def drop(self, key: str, token: str) -> None:
        if self.kept.get(key, ("",))[0] == token:
            del self.kept[key]

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        self.locked += 1
        yield


def slowly(answer, status=200):
    def answer_slowly(_):
        time.sleep(0.2)
        return status, {}, answer

    responses.add_callback(responses.GET, OAUTH, answer_slowly)


@responses.activate
def test_twenty_threads_ask_for_one_token():
    slowly('{"access_token": "t1", "expires_in": "3599"}')
    answers(PUSH, ACCEPTED)
    line = client()
    with ThreadPoolExecutor(20) as threads:
        list(threads.map(lambda _: line.stk_push(PROMPT), range(20)))
    assert len(asked(OAUTH)) == 1
    assert len(asked(PUSH)) == 20


@responses.activate
def test_twenty_threads_that_wait_for_a_token_share_its_failure():
    slowly(HTML, 503)
    line = client()

    def push(_):
        with pytest.raises(NotSent):
            line.stk_push(PROMPT)

    started = time.monotonic()
    with ThreadPoolExecutor(20) as threads:
        list(threads.map(push, range(20)))
    assert time.monotonic() - started < 3, "twenty in turn would take four seconds"


@responses.activate
def test_a_failure_is_not_remembered_for_the_next_who_asks():
    answers(OAUTH, HTML, 503)
    gives_token()
    answers(PUSH, ACCEPTED)
    line = client()
    with pytest.raises(NotSent):
        line.stk_push(PROMPT)
    assert line.stk_push(PROMPT).checkout_request_id == CHECKOUT


@responses.activate
def test_processes_share_a_token():
    gives_token()
    answers(PUSH, ACCEPTED)
    store: TokenCache = Store()
    for tokens in (Tokens(store), Tokens(store)):
        client(tokens=tokens).stk_push(PROMPT)
        client(tokens=tokens).stk_push(PROMPT)
    assert len(asked(OAUTH)) == 1


@responses.activate
def test_a_token_is_fetched_under_the_shared_lock():
    gives_token()
    answers(PUSH, ACCEPTED)
    store = Store()
    line = client(tokens=Tokens(store))
    line.stk_push(PROMPT)
    line.stk_push(PROMPT)
    assert store.locked == 1


@responses.activate
def test_a_refused_token_leaves_the_shared_store_too():
    gives_token("t1")
    gives_token("t2")
    answers(PUSH, EXPIRED_TOKEN, 404)
    answers(PUSH, ACCEPTED)
    store = Store()
    client(tokens=Tokens(store)).stk_push(PROMPT)
    assert [token for token, _ in store.kept.values()] == ["t2"]


@responses.activate
def test_a_token_that_another_process_has_replaced_already_is_taken_over():
    gives_token("t1")
    answers(PUSH, ACCEPTED)
    store = Store()
    line = client(tokens=Tokens(store))
    line.stk_push(PROMPT)
    responses.remove(responses.POST, PUSH)
    answers(PUSH, EXPIRED_TOKEN, 404)
    answers(PUSH, ACCEPTED)
    (key,) = store.kept
    store.put(key, "t2", clock.now().timestamp() + 1000)
    line.stk_push(PROMPT)
    assert asked(PUSH)[-1].headers["Authorization"] == "Bearer t2"
    assert len(asked(OAUTH)) == 1


def test_a_late_word_against_an_old_token_spares_the_new_one():
    store = Store()
    tokens = Tokens(store)
    end = clock.now().timestamp() + 3599
    tokens.renew(PAYBILL, lambda: ("old", end))
    tokens.renew(PAYBILL, lambda: ("new", end))
    tokens.drop(PAYBILL, "old")
    tokens.drop(replace(PAYBILL, consumer_key="stranger"), "new")
    assert tokens.get(PAYBILL, lambda: ("newer", end)) == "new"


@responses.activate
def test_a_stale_shared_token_is_not_used():
    gives_token("t2")
    answers(PUSH, ACCEPTED)
    store = Store()
    tokens = Tokens(store)
    tokens.renew(PAYBILL, lambda: ("t1", clock.now().timestamp()))
    client(tokens=tokens).stk_push(PROMPT)
    assert asked(PUSH)[0].headers["Authorization"] == "Bearer t2"


@responses.activate
def test_two_apps_have_two_tokens_and_no_key_is_in_a_name():
    gives_token("t1")
    gives_token("t2")
    answers(PUSH, ACCEPTED)
    store = Store()
    tokens = Tokens(store)
    client(tokens=tokens).stk_push(PROMPT)
    client(replace(PAYBILL, consumer_key="another"), tokens).stk_push(PROMPT)
    assert len(store.kept) == 2
    assert all(
        len(name) == 64 and "key" not in name and "another" not in name for name in store.kept
    )
