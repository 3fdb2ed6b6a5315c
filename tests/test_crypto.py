"""What is sealed opens only where it was put, and what is looked up tells nothing."""

import re

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from app import crypto
from app.crypto import CannotOpen
from config import FORBIDDEN_WORDS

OLD, NEW = ("old", b"\x01" * 32), ("new", b"\x02" * 32)
PLACE = "subscriber.phone|abc"


@pytest.fixture
def ring(set_setting):
    return lambda *keys: set_setting(encryption_keys=keys)


@pytest.mark.parametrize("value", [b"", b"254712345678", b"\x00" * 70_000])
def test_what_is_sealed_opens_in_its_place(app, value):
    assert crypto.unseal(crypto.seal(value, PLACE), PLACE) == value


def test_a_sealed_value_shows_nothing_and_is_never_the_same(app):
    first, second = (crypto.seal(b"254712345678", PLACE) for _ in range(2))
    assert first != second
    assert b"712345678" not in first


def test_a_value_moved_to_another_row_does_not_open(app):
    sealed = crypto.seal(b"254712345678", PLACE)
    with pytest.raises(CannotOpen, match=r"subscriber\.phone\|xyz"):
        crypto.unseal(sealed, "subscriber.phone|xyz")


def test_the_first_key_seals_and_every_key_opens(ring):
    ring(OLD)
    before = crypto.seal(b"before", PLACE)
    ring(NEW, OLD)
    after = crypto.seal(b"after", PLACE)
    assert (crypto.key_id(before), crypto.key_id(after)) == ("old", "new")
    assert crypto.unseal(before, PLACE) == b"before"
    assert crypto.unseal(after, PLACE) == b"after"


def test_a_key_that_left_the_ring_is_named(ring):
    ring(OLD)
    sealed = crypto.seal(b"x", PLACE)
    ring(NEW)
    with pytest.raises(CannotOpen, match="'old' is not in ENCRYPTION_KEYS"):
        crypto.unseal(sealed, PLACE)


def test_another_key_of_the_same_name_does_not_open(ring):
    ring(OLD)
    sealed = crypto.seal(b"x", PLACE)
    ring(("old", b"\x03" * 32))
    with pytest.raises(CannotOpen):
        crypto.unseal(sealed, PLACE)


def test_any_changed_byte_is_noticed(app):
    sealed = crypto.seal(b"254712345678", PLACE)
    for n in range(len(sealed)):
        changed = bytearray(sealed)
        changed[n] ^= 1
        with pytest.raises(CannotOpen):
            crypto.unseal(bytes(changed), PLACE)


def test_half_a_value_does_not_open(app):
    sealed = crypto.seal(b"254712345678", PLACE)
    for length in range(len(sealed)):
        with pytest.raises(CannotOpen):
            crypto.unseal(sealed[:length], PLACE)


@tuned(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(garbage=st.binary(max_size=64))
def test_what_was_never_sealed_does_not_open(app, garbage):
    with pytest.raises(CannotOpen):
        crypto.unseal(garbage, PLACE)


def test_an_index_is_stable_and_has_a_purpose_and_a_key(app, set_setting):
    index = crypto.blind_index("254712345678", "phone")
    assert index == crypto.blind_index("254712345678", "phone")
    assert len(index) == 32
    assert index != crypto.blind_index("254712345679", "phone")
    assert index != crypto.blind_index("254712345678", "checkout")
    set_setting(phone_index_key=b"\x07" * 32)
    assert index != crypto.blind_index("254712345678", "phone")


def test_a_browsers_token_has_128_bits_and_fits_a_url():
    tokens = {crypto.new_token() for _ in range(500)}
    assert len(tokens) == 500
    assert all(re.fullmatch(r"[0-9a-f]{32}", token) for token in tokens)


def test_a_hidden_token_is_found_again_and_tells_nothing(app, set_setting):
    token = crypto.new_token()
    hidden = crypto.hide(token, "payment.token")
    assert hidden == crypto.hide(token, "payment.token") != crypto.hide(token, "payment.attempt")
    assert token not in hidden
    assert crypto.reveal(hidden, "payment.token") == token
    with pytest.raises(crypto.CannotOpen):
        crypto.reveal(hidden, "payment.attempt")
    set_setting(phone_index_key=b"\x07" * 32)
    with pytest.raises(crypto.CannotOpen):
        crypto.reveal(hidden, "payment.token")


def test_safaricoms_token_is_hex_and_spells_nothing():
    tokens = {crypto.new_hook_token() for _ in range(2_000)}
    assert len(tokens) == 2_000
    assert all(re.fullmatch(r"[0-9a-f]{32}", token) for token in tokens)
    assert not [t for t in tokens for word in FORBIDDEN_WORDS if word in t]


def test_no_hex_spells_a_forbidden_word():
    assert all(set(word) - set("0123456789abcdef") for word in FORBIDDEN_WORDS)


def test_a_tokens_hash_is_32_bytes_and_stable():
    assert crypto.token_hash("a") == crypto.token_hash("a") != crypto.token_hash("b")
    assert len(crypto.token_hash("a")) == 32
