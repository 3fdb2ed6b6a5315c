"""Phone numbers: 2547… or 2541… inside, 0712 345 678 on the screen."""

import re

MSISDN = re.compile(r"254[17][0-9]{8}", re.ASCII)
DEFAULT = "254712345678"


def read(text: str) -> str | None:
    digits = re.sub(r"[\s+()-]", "", text)
    if digits.startswith("0"):
        digits = "254" + digits[1:]
    return digits if MSISDN.fullmatch(digits) else None


def pretty(phone: str) -> str:
    local = "0" + phone[3:]
    return f"{local[:4]} {local[4:7]} {local[7:]}"
