"""What customers and Safaricom do in a run of random faults, drawn from one seeded source."""

OUTCOMES = {"paid": 7, "1032": 1, "1": 1, "person": 1}  # "person": nobody enters a PIN
NEWS = {"once": 5, "twice": 1, "before": 1, "late:2": 1, "storm:5": 1}
# A false "failed" whose correction is lost as well is believed: it needs ears (see breakages.py).
NEWS_TO_EARS = {**NEWS, "fail_then_success": 2}
NEWS_TO_THE_DEAF = {**NEWS, "never": 3}
ANSWERS = {"ok": 7, "delay:1": 3}
ANSWERS_TO_THE_MUTE = {**ANSWERS, "lost": 1, "cut": 1, "hang": 1, "empty_200": 1}


def deaf(random):
    """Answers arrive, news may not."""
    return script(random, NEWS_TO_THE_DEAF, ANSWERS)


def mute(random):
    """News arrives, answers may not."""
    return script(random, NEWS_TO_EARS, ANSWERS_TO_THE_MUTE)


def script(random, news, answers):
    """For the simulator; all is over within 7 s of the push."""
    outcome, callback = drawn(random, OUTCOMES), drawn(random, news)
    push = drawn(random, answers) if callback != "before" else "ok"
    return {
        "outcome": outcome,
        "callback": callback,
        "push": push,
        "prompt_delay": round(random.uniform(0.05, 0.4), 3),
        "pin_after": round(random.uniform(0.2, 1), 3) if outcome != "person" else None,
        "prompt_seconds": 4,
        "callback_delay": round(random.uniform(0, 0.3), 3),
        "hang_seconds": 5 if push == "hang" else 2,  # ours is a read time-out of 3 s
    }


def drawn(random, weighted):
    return random.choices(list(weighted), list(weighted.values()))[0]
