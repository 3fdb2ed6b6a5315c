"""Safaricom's tokens in Redis: sealed, shared, and never waited for long."""

import threading
import time

import pytest

from app.jobs.tokens import RedisTokens

KEY = "app-one"


@pytest.fixture
def tokens(own_redis):
    return RedisTokens(own_redis.url)


@pytest.fixture
def frozen(own_redis, tokens):
    tokens.put(KEY, "secret-token", time.time() + 3000)
    own_redis.freeze()
    yield tokens
    own_redis.thaw()


def test_a_token_is_there_for_every_process(tokens, own_redis):
    until = time.time() + 3000
    tokens.put(KEY, "secret-token", until)
    assert RedisTokens(own_redis.url).get(KEY) == ("secret-token", until)
    assert tokens.get("app-two") is None


def test_redis_does_not_see_it(tokens, own_redis):
    tokens.put(KEY, "secret-token", time.time() + 3000)
    keys = own_redis.client.keys("*")
    values = [own_redis.client.get(key) for key in keys]
    assert len(keys) == 1
    assert b"secret-token" not in b"|".join([*keys, *values])


def test_it_goes_when_it_is_stale(tokens, own_redis):
    tokens.put(KEY, "secret-token", time.time() + 300)
    [key] = own_redis.client.keys("*")
    assert 295 <= own_redis.client.ttl(key) <= 300
    tokens.put("stale", "old-token", time.time() - 5)
    assert own_redis.client.ttl("malipo:token:stale") <= 1


def test_one_that_was_moved_is_not_believed(tokens, own_redis):
    tokens.put(KEY, "secret-token", time.time() + 3000)
    own_redis.client.rename(f"malipo:token:{KEY}", "malipo:token:app-two")
    assert tokens.get("app-two") is None


@pytest.mark.parametrize(
    "value", [b"", b"x", b"\x01\x02k1", b"\x01\xffgarbage", b"plain text " * 9]
)
def test_what_we_did_not_put_there_is_not_believed(tokens, own_redis, value):
    own_redis.client.set(f"malipo:token:{KEY}", value)
    assert tokens.get(KEY) is None


def test_after_a_change_of_keys_it_is_fetched_again(tokens, set_setting):
    tokens.put(KEY, "secret-token", time.time() + 3000)
    set_setting(encryption_keys=(("k9", b"\x09" * 32),))
    assert tokens.get(KEY) is None


def test_only_the_refused_token_is_dropped(tokens):
    tokens.put(KEY, "newer", time.time() + 3000)
    tokens.put("app-two", "older", time.time() + 3000)
    tokens.drop(KEY, "older")
    assert tokens.get(KEY)[0] == "newer"
    tokens.drop(KEY, "newer")
    assert tokens.get(KEY) is None
    assert tokens.get("app-two")[0] == "older"
    tokens.drop("nobody's", "older")


def test_one_fetches_while_the_others_wait(tokens, own_redis):
    other, inside, most = RedisTokens(own_redis.url), [], []

    def fetch(store):
        with store.lock(KEY):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.05)
            inside.pop()

    threads = [threading.Thread(target=fetch, args=(store,)) for store in (tokens, other) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 4
    assert own_redis.client.keys("*") == []


def test_another_app_is_not_waited_for(tokens):
    started = time.perf_counter()
    with tokens.lock(KEY), tokens.lock("app-two"):
        assert time.perf_counter() - started < 1


def test_a_lock_that_ran_out_meanwhile_is_nobodys_error(tokens, own_redis):
    with tokens.lock(KEY):
        own_redis.client.flushall()
    with tokens.lock(KEY):
        own_redis.stop()


def test_an_error_inside_frees_the_lock(tokens, own_redis):
    with pytest.raises(ZeroDivisionError), tokens.lock(KEY):
        raise ZeroDivisionError
    assert own_redis.client.keys("*") == []


@pytest.mark.parametrize("act", ["get", "put", "drop", "lock"])
def test_a_frozen_redis_knows_nothing_and_costs_a_second_at_most(frozen, act):
    started = time.perf_counter()
    match act:
        case "get":
            assert frozen.get(KEY) is None
        case "put":
            frozen.put(KEY, "t", time.time() + 3000)
        case "drop":
            frozen.drop(KEY, "secret-token")
        case "lock":
            with frozen.lock(KEY):
                pass
    assert time.perf_counter() - started < 1


def test_an_absent_redis_knows_nothing(app, tmp_path):
    tokens = RedisTokens(f"unix://{tmp_path}/nobody")
    tokens.put(KEY, "t", time.time() + 3000)
    assert tokens.get(KEY) is None
    tokens.drop(KEY, "t")
    with tokens.lock(KEY):
        pass
