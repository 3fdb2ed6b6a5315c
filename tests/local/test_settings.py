import re
import stat

import pytest

from app.local.lock import Lock, Taken
from app.local.settings import FIXED, demo_environment


def test_keys_are_made_once_and_kept(instance):
    first = demo_environment(instance, {})
    assert demo_environment(instance, {}) == first
    assert re.fullmatch("k1:[0-9a-f]{64}", first["ENCRYPTION_KEYS"])
    assert re.fullmatch("[0-9a-f]{64}", first["PHONE_INDEX_KEY"])
    assert len(first["SECRET_KEY"]) == 64
    assert first.items() >= FIXED.items()


def test_only_its_owner_reads_the_file(instance):
    demo_environment(instance, {})
    assert stat.S_IMODE((instance / "demo.env").stat().st_mode) == 0o600


def test_what_is_set_wins_and_is_not_written_down(instance):
    assert demo_environment(instance, {"SECRET_KEY": "mine"})["SECRET_KEY"] == "mine"
    assert "mine" not in (instance / "demo.env").read_text()
    assert demo_environment(instance, {"SECRET_KEY": " "})["SECRET_KEY"].strip()


def test_what_is_edited_in_the_file_stays(instance):
    demo_environment(instance, {})
    file = instance / "demo.env"
    file.write_text(file.read_text().replace("127.0.0.1:8000", "10.0.0.7:8000") + "\n# a note\n")
    assert demo_environment(instance, {})["PUBLIC_BASE_URL"] == "http://10.0.0.7:8000"
    assert "# a note" in file.read_text()


def test_what_the_file_lacks_is_added(instance):
    instance.mkdir()
    (instance / "demo.env").write_text("SECRET_KEY=old\n")
    assert demo_environment(instance, {})["SECRET_KEY"] == "old"
    assert "PHONE_INDEX_KEY=" in (instance / "demo.env").read_text()


def test_addresses_follow_the_ports_unless_set(instance):
    moved = demo_environment(instance, {"PORT": "9000", "SIMULATOR_PORT": "9001"})
    assert moved["PUBLIC_BASE_URL"] == "http://127.0.0.1:9000"
    assert moved["MPESA_BASE_URL"] == "http://127.0.0.1:9001"
    own = demo_environment(instance, {"PORT": "9000", "PUBLIC_BASE_URL": "http://shop.test"})
    assert own["PUBLIC_BASE_URL"] == "http://shop.test"


def test_a_real_safaricom_gets_keys_but_nothing_pretended(instance):
    real = demo_environment(instance, {"MPESA_ENVIRONMENT": "sandbox"})
    assert set(real) == {"SECRET_KEY", "ENCRYPTION_KEYS", "PHONE_INDEX_KEY"}


def test_a_lock_has_one_holder(instance):
    first, second = Lock(instance / "lock"), Lock(instance / "lock")
    first.take()
    assert second.is_held()
    with pytest.raises(Taken):
        second.take(seconds=0.05)
    first.release()
    first.release()
    assert not second.is_held()
