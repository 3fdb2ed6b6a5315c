"""Changes to our code that must not survive: for each, the tests that catch it (ADR 0007).

`make mutants` applies them one by one to a copy of the tree and expects the named tests to fail.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FAILED = re.compile(r"\b[1-9][0-9]* failed")


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    before: str
    after: str
    caught_by: str


MUTANTS = (
    Mutant(
        "settle without the lock",
        "app/payments/locking.py",
        "query = select(Payment).where(Payment.id == payment_id).with_for_update(key_share=True)",
        "query = select(Payment).where(Payment.id == payment_id)",
        "tests/payments/test_concurrency.py::test_fifty_threads_settle_one_callback_once",
    ),
    Mutant(
        "settle plainly without the locks",
        "app/payments/chains.py",
        "query.with_for_update(key_share=True, skip_locked=True)",
        "query",
        "tests/payments/test_plain_answers.py::test_nobody_waits_for_what_somebody_holds",
    ),
    Mutant(
        "believe an answer whose money is here already",
        "app/payments/plain.py",
        "    return [one for one in free if one.payment.id not in there]\n",
        "    return free\n",
        "tests/payments/test_plain_answers.py::test_what_a_tills_statement_may_have_brought_is_odd",
    ),
    Mutant(
        "lock without looking again",
        "app/payments/locking.py",
        'FRESH = {"populate_existing": True}',
        "FRESH = {}",
        "tests/payments/test_concurrency.py::test_the_lock_sees_what_others_committed",
    ),
    Mutant(
        "ignore late success",
        "app/payments/settlement.py",
        "    if payment.status == PAID:\n        return _join(payment, result)",
        '    if payment.status == FAILED:\n        return "failed already"\n'
        "    if payment.status == PAID:\n        return _join(payment, result)",
        "tests/payments/test_settlement.py::test_late_money_is_still_money",
    ),
    Mutant(
        "trust a wrong token",
        "app/payments/inbox.py",
        ').where(Payment.hook_hash == bindparam("hook", type_=LargeBinary))',
        ").where(Payment.hook_hash.is_not(None)).limit(1)",
        "tests/payments/test_settlement.py::test_a_wrong_token_settles_nothing",
    ),
    Mutant(
        "treat 4999 as failed",
        "app/daraja/codes.py",
        'IN_PROCESS = "4999"',
        'IN_PROCESS = "never"',
        "tests/payments/test_settlement.py::test_still_processing_is_not_an_end",
    ),
    Mutant(
        "resend a push on time-out",
        "app/jobs/safaricom.py",
        "    except NoAnswer:\n",
        "    except NoAnswer:\n        client.stk_push(claimed.prompt)\n",
        "tests/payments/test_charging.py::test_a_push_whose_answer_is_lost_is_never_sent_again",
    ),
    Mutant(
        "credit whatever amount comes to the invoice",
        "app/payments/booking.py",
        "if invoice.open and receipt.amount + balance(subscriber_id) >= invoice.amount:",
        "if invoice.open:",
        "tests/payments/test_settlement.py::test_short_money_stays_on_the_balance_once_confirmed",
    ),
    Mutant(
        "count a period from now on early renewal",
        "app/billing/subscriptions.py",
        "    start = subscription.paid_through\n",
        "    start = None\n",
        "tests/payments/test_settlement.py::test_paying_again_extends_what_is_there",
    ),
    Mutant(
        "keep the rate rule out of the database",
        "app/payments/limits.py",
        "    _gaps(ask)\n",
        "",
        "tests/payments/test_limits.py::test_two_prompts_of_one_amount_are_two_minutes_apart",
    ),
    Mutant(
        "sell plainly without the phone's rest",
        "app/payments/plain_purchase.py",
        " or not _rested(found.lately or [], offer.price, now)",
        "",
        "tests/payments/test_plain_purchase.py::test_what_is_odd_is_left_to_the_usual_way_with_nothing_done",
    ),
    Mutant(
        "sell plainly without the phone's lock",
        "app/payments/plain_purchase.py",
        "keys = (limits.attempt_key(offer.seller.id, attempt), *limits.counted(ask))",
        "keys = (limits.attempt_key(offer.seller.id, attempt), *limits.counted(ask)[1:])",
        "tests/payments/test_plain_purchase.py::test_one_phone_has_one_prompt_whichever_way_it_is_asked_for",
    ),
    Mutant(
        "ask for an open invoice without looking under its lock",
        "app/payments/plain_purchase.py",
        "    if found is None or not found.free:\n        raise Odd\n",
        "",
        "tests/payments/test_plain_purchase.py::test_what_is_odd_is_left_to_the_usual_way_with_nothing_done",
    ),
)


def main() -> int:
    survivors = [mutant.name for mutant in MUTANTS if not caught(mutant)]
    sys.stdout.write(f"{len(MUTANTS) - len(survivors)} passed, {len(survivors)} failed\n")
    return 1 if survivors else 0


def caught(mutant: Mutant) -> bool:
    with tempfile.TemporaryDirectory(prefix="malipo-mutant-") as directory:
        tree = Path(directory) / "tree"
        Path(directory).chmod(0o755)
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".venv", ".git", "instance"))
        mutate(tree / mutant.file, mutant)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", mutant.caught_by],
            cwd=tree,
            capture_output=True,
            text=True,
            check=False,
        )
    found = done.returncode == 1 and FAILED.search(done.stdout) is not None
    sys.stdout.write(f"{'caught' if found else 'SURVIVED'}: {mutant.name}\n")
    return found


def mutate(file: Path, mutant: Mutant) -> None:
    text = file.read_text()
    if text.count(mutant.before) != 1:
        sys.exit(f"{mutant.file}: the place of {mutant.name!r} has changed; name it again here.")
    file.write_text(text.replace(mutant.before, mutant.after))


if __name__ == "__main__":
    sys.exit(main())
