"""Run as a script: becomes another program, which ends together with the one that started it.

A preexec_fn could do the same, but is not safe where the starter has threads.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def become(parent: str, death: str, owner: str, *program: str) -> None:
    if owner:
        uid, _, gid = owner.partition(":")
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if sys.platform == "linux":  # after the change of user, which would undo it
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("The program that started this one is gone.")
    os.execv(program[0], program)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    become(*sys.argv[1:])
