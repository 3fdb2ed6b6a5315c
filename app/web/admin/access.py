"""Who may do what. Every view of the admin declares it; what declares nothing lets nobody in."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from flask import abort, current_app, redirect, request, url_for
from sqlalchemy import Select, select
from werkzeug import Response

from app.extensions import Model, db
from app.logs import log
from app.staff import OPERATOR, ROLES, sessions
from app.web import visitor
from app.web.admin import desk, rail

ANY, STRANGERS = "any", "strangers"
# What a person still has to do before anything else, in this order, and where.
SECOND_FACTOR, ENROLMENT, NEW_PASSWORD = "second_factor", "enrolment", "new_password"
STEPS = {
    SECOND_FACTOR: "admin.door.code",
    ENROLMENT: "admin.second_factor.index",
    NEW_PASSWORD: "admin.account.password",
}
BIGGEST_ID = 2**63 - 1
# Of our own pages only; no second slash, backslash or control character that a browser may read otherwise.
OWN_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*/?(\?[A-Za-z0-9._~%=&+:,-]*)?", re.ASCII)

V = TypeVar("V", bound=Callable[..., Any])
M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Rule:
    roles: frozenset[str]
    during: frozenset[str]
    proved: bool

    def lets_in(self, role: str) -> bool:
        return role == OPERATOR or not self.roles.isdisjoint({ANY, role})


def allow(*roles: str, during: Iterable[str] = (), proved: bool = False) -> Callable[[V], V]:
    """Lets these roles in, and operators always. ANY is everybody who is signed in.

    `during` names the steps of signing in at which the view is open too. `proved` sends whoever
    signed in a while ago to prove that it is still they.
    """
    if not roles or set(roles) - {*ROLES, ANY, STRANGERS}:
        raise ValueError(f"not roles: {roles}")

    def declare(view: V) -> V:
        view.__dict__["rule"] = Rule(frozenset(roles), frozenset(during), proved)
        return view

    return declare


def rule_of(endpoint: str | None) -> Rule | None:
    found: Rule | None = getattr(current_app.view_functions.get(endpoint or ""), "rule", None)
    return found


def may(endpoint: str) -> bool:
    """Whether the person may open it, for links that lead there."""
    rule = rule_of(endpoint)
    return rule is not None and rule.lets_in(desk.person().role)


def guard() -> Response | None:
    """Before each view of the admin."""
    rule = rule_of(request.endpoint)
    if rule is None:
        refuse("undeclared")
    if STRANGERS in rule.roles:
        return None
    if desk.here() is None:
        return redirect(url_for("admin.door.login", next=this_path()), 303)
    return _step_first(rule) or _checked(rule)


def _step_first(rule: Rule) -> Response | None:
    step = unfinished()
    if step is None or step in rule.during:
        return None
    return redirect(url_for(STEPS[step], next=this_path()), 303)


def unfinished() -> str | None:
    person, session = desk.person(), desk.staff_session()
    if person.has_second_factor and session.second_factor_at is None:
        return SECOND_FACTOR
    if not person.has_second_factor and second_factor_required():
        return ENROLMENT
    return NEW_PASSWORD if person.must_change_password else None


def second_factor_required() -> bool:
    """By their own merchant, or by the one that an operator acts for."""
    return desk.person().merchant.second_factor_required or desk.merchant().second_factor_required


def _checked(rule: Rule) -> Response | None:
    if not rule.lets_in(desk.person().role):
        refuse("role")
    if rule.proved and not sessions.proved(desk.staff_session()):
        return redirect(url_for("admin.account.proof", next=this_path()), 303)
    if sessions.seen(desk.staff_session()):
        db.session.commit()
    return None


def refuse(why: str) -> NoReturn:
    who = desk.actor() if desk.here() else None
    log().warning("refused", why=why, endpoint=request.endpoint, actor=who)
    abort(403)


def mine(model: type[M], row_id: int) -> M:
    """A row of the merchant that this request acts for; another's answers like one that is not."""
    row = db.session.scalar(scoped(model).where(_column(model, "id") == possible(row_id)))
    return row or abort(404)


def possible(row_id: int) -> int:
    """An id that PostgreSQL can be asked for; what is beyond it is not there either."""
    return max(0, min(row_id, BIGGEST_ID))


def number_in_query(name: str) -> int | None:
    """An id or a place in a list; None where there is none, or no number."""
    found = request.args.get(name, type=int)
    return None if found is None else possible(found)


def scoped(model: type[M]) -> Select[M]:
    """The start of every query of a page: only rows of the merchant that the request acts for."""
    return select(model).where(_column(model, "merchant_id") == desk.merchant().id)


def _column(model: type[Model], name: str) -> Any:
    return getattr(model, name)


def this_path() -> str | None:
    """Where to come back to: this page, or the one whose form was sent. None: the first page."""
    if request.method == "GET":
        return _own(request.full_path.rstrip("?"))
    return _own((request.referrer or "").removeprefix(request.host_url.rstrip("/")))


def next_url() -> str:
    """Where the person was going; only ever a page of the admin."""
    return asked_for() or home_url()


def asked_for() -> str | None:
    return _own(visitor.given().get("next", ""))


def _own(path: str) -> str | None:
    root = url_for("admin.door.login").removesuffix("/login")
    below = path.removeprefix(root)
    is_ours = path.startswith(root) and OWN_PATH.fullmatch(below) and ".." not in below
    return path if is_ours and below.strip("/") else None


def home_url() -> str:
    """The first page that the person may open."""
    return url_for(rail.first(may))
