"""Passwords: argon2id, long rather than complicated, and none of those that everybody tries first."""

from functools import cache
from secrets import choice, token_hex

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import Refused
from app.staff.models import Staff

# Whoever types it into a command holds the server anyway; ASVS 6.2.1 asks for 8 at least.
SHORTEST_IN_A_COMMAND = 8
SHORTEST = 12
LONGEST = 256  # characters: more only costs time
FEWEST_DIFFERENT = 5  # characters: fewer make 111111111111 or abababababab
NOT_LETTERS = "0123456789!?.,;:#*+-_@$%&/()=' "
RUNS = ("01234567890123456789", "98765432109876543210")
COMMON = frozenset(
    """
    password passwort passw0rd p@ssword p@ssw0rd pa$$word pass passcode secret letmein welcome
    welcome1 admin administrator root superuser operator owner manager staff user guest login
    default changeme change qwerty qwertyui qwertyuiop qwertz azerty asdfgh asdfghjkl zxcvbn
    zxcvbnm qazwsx qazwsxedc q1w2e3r4 q1w2e3r4t5 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qaz2wsx3edc abcdef
    abcdefg abcdefgh abcdefghijkl abc abcd iloveyou loveyou lovely sunshine princess dragon monkey
    football baseball master shadow superman batman michael jennifer jordan hunter ashley charlie
    computer internet samsung google android whatsapp facebook trustno1 starwars freedom whatever
    blessed blessing blessings jesus jesuschrist godisgood godislove hallelujah ilovejesus
    kenya nairobi mombasa kisumu nakuru eldoret harambee hakunamatata jambo karibu simba safari
    safaricom mpesa m-pesa malipo lipa shilling pesa money business company payment payments
    arsenal chelsea liverpool manchester manunited barcelona ronaldo test testing example sample
    temporary temp demo mypassword thepassword yourpassword newpassword
    """.split()  # noqa: SIM905
)
# No letters that are read or heard as others: a temporary password is often told by phone.
TOLD = "abcdefghjkmnpqrstuvwxyz23456789"


def check(password: str, *, shortest: int = SHORTEST) -> None:
    """Raises Refused, with a sentence that does not repeat it."""
    if len(password) < shortest:
        raise Refused(f"The password must have at least {shortest} characters.")
    if len(password) > LONGEST:
        raise Refused(f"The password must have at most {LONGEST} characters.")
    if _everybody_tries(password.lower()):
        raise Refused("That password is one of those that are tried first. Use a few words.")


def _everybody_tries(lowered: str) -> bool:
    root = lowered.strip(NOT_LETTERS)
    half = root[: len(root) // 2]
    return (
        len(set(lowered)) < FEWEST_DIFFERENT
        or any(lowered in run for run in RUNS)
        or not COMMON.isdisjoint({lowered, root})
        or (half in COMMON and root == half * 2)
    )


def hashed(password: str) -> str:
    return PasswordHasher().hash(password)


def fits(person: Staff | None, password: str) -> bool:
    """Takes as long for an unknown account as for a known one."""
    kept = person.password_hash if person else _nobodys()
    try:
        PasswordHasher().verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False
    return person is not None


def refresh(person: Staff, password: str) -> None:
    """After it fitted: a hash made with yesterday's parameters is made again with today's."""
    if PasswordHasher().check_needs_rehash(person.password_hash):
        person.password_hash = hashed(password)


def temporary() -> str:
    """About 59 bits, to be read out: `k7qm-4wpd-zr8t`."""
    return "-".join("".join(choice(TOLD) for _ in range(4)) for _ in range(3))


@cache
def _nobodys() -> str:
    return PasswordHasher().hash(token_hex(16))
