"""All that is wrong with the environment, at once. The start itself stops at the first."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from config import BadSetting, Settings, read

NAME = re.compile("[A-Z_]+", re.ASCII)  # how each sentence of BadSetting begins
# Something sound in place of a bad value, where there is no default. None of it leads anywhere.
SOUND = {
    "SECRET_KEY": "unset",
    "DATABASE_URL": "postgresql://nobody@nowhere.invalid/nothing",
    "REDIS_URL": "redis://nowhere.invalid",
    "PUBLIC_BASE_URL": "https://nowhere.invalid",
    "ENCRYPTION_KEYS": f"unset:{'0' * 64}",
    "PHONE_INDEX_KEY": "0" * 64,
    "MPESA_ENVIRONMENT": "simulator",
    "MPESA_CONSUMER_KEY": "unset",
    "MPESA_CONSUMER_SECRET": "unset",
    "MPESA_PASSKEY": "unset",
    "MPESA_SHORTCODE": "00000",
    "MPESA_TILL": "00000",
}


@dataclass(frozen=True)
class Found:
    settings: Settings  # something sound stands in for what is bad
    bad: Mapping[str, str]  # what the start would say of each bad one


def find(environment: Mapping[str, str]) -> Found:
    """Reads again and again, each time with one bad setting less."""
    mended, bad = dict(environment), dict[str, str]()
    while True:
        try:
            return Found(read(mended), bad)
        except BadSetting as error:
            name = _named(str(error))
            if name in bad:
                raise
            bad[name] = str(error)
            mended[name] = SOUND.get(name, "")


def _named(sentence: str) -> str:
    found = NAME.match(sentence)
    return found.group() if found else ""
