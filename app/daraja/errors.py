"""How a talk with Safaricom goes wrong."""

from app.daraja.words import Reason


class DarajaError(Exception):
    pass


class Refused(DarajaError):
    """A definite no: nothing was, or will be, sent to the phone."""

    def __init__(self, reason: Reason, code: str, message: str) -> None:
        super().__init__(f"{reason}: {code} {message}" if code else f"{reason}: {message}")
        self.reason = reason
        self.code = code
        self.message = message


class NotSent(Refused):
    """Our request never reached Safaricom's M-PESA."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.PUSH_FAILED, "", message)


class BadCredentials(Refused):
    """The consumer key and secret open nothing; the message is a sentence for the operator."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(Reason.MERCHANT_PROBLEM, code, message)


class NoAnswer(DarajaError):
    """Nothing that counts came back: the prompt may be on the phone. Never a failure."""

    def __init__(self, code: str | None, message: str) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.code = code
        self.message = message


class Throttled(DarajaError):
    """Ask again, but not before `retry_after` seconds (daraja.md §3)."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"Safaricom asks us to wait {retry_after:.0f} s")
        self.retry_after = retry_after


class Unreadable(Exception):
    """A body that we cannot read; the message names what is wrong, never the body."""
