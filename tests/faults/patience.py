"""Waiting with a limit."""

from time import monotonic, sleep

LOOK = 0.02  # seconds between two looks


def eventually(happens, seconds, what):
    """Waits until it does; what it was."""
    deadline = monotonic() + seconds
    while not (found := happens()):
        assert monotonic() < deadline, f"not within {seconds} s: {what}"
        sleep(LOOK)
    return found
