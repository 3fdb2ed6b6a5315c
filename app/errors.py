"""What can go wrong, in our own words. No HTTP here: `web.errors` chooses the status."""


class MalipoError(Exception):
    """Someone, the customer or an operator, can do something about this."""


class BadPhone(MalipoError):
    """The text is not a Kenyan mobile number."""


class MustWait(MalipoError):
    """Another prompt may go to this phone, but not yet."""

    def __init__(self, seconds: int, rule: str) -> None:
        super().__init__(f"{rule}: wait {seconds} s")
        self.seconds = seconds
        self.rule = rule


class Refused(MalipoError):
    """What a person asked for does not fit what is there; the text says why."""


class Surprise(Exception):
    """Something that our books say cannot happen. Keep everything, call a human."""
