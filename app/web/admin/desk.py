"""Who sits at the desk: the person of this request, their session, and whom they act for."""

from flask import request, session
from flask_login import UserMixin, current_user, login_user, logout_user

from app.merchants import Merchant
from app.staff import OPERATOR, Staff, StaffSession, sessions
from app.staff.accounts import By
from app.web import visitor

CSRF = "csrf_token"


class Desk(UserMixin):  # type: ignore[misc]  # flask-login has no types
    """What flask-login calls a user. Its id is the session's token, so a cookie dies with its row."""

    def __init__(self, staff_session: StaffSession, token: str) -> None:
        self.session = staff_session
        self.token = token

    def get_id(self) -> str:
        return self.token


def load(token: str) -> Desk | None:
    found = sessions.find(token)
    return Desk(found, token) if found else None


def here() -> Desk | None:
    """None: a stranger."""
    return current_user._get_current_object() if current_user.is_authenticated else None  # noqa: SLF001


def staff_session() -> StaffSession:
    found: StaffSession = current_user.session
    return found


def person() -> Staff:
    return staff_session().person


def merchant() -> Merchant:
    """Whom this request acts for: an operator's choice, everybody else's own."""
    chosen = staff_session().acting_merchant if is_operator() else None
    return chosen or person().merchant


def is_operator() -> bool:
    return person().role == OPERATOR


def actor() -> str:
    """As audit events name them."""
    return f"staff:{person().id}"


def by(reason: str | None = None) -> By:
    return By(actor(), reason)


def place() -> sessions.Place:
    return sessions.Place(visitor.address(), request.user_agent.string)


def sit_down(found: StaffSession, token: str) -> None:
    """After the commit. The form tokens of whoever was here before are worth nothing now."""
    login_user(Desk(found, token))
    session.pop("_id", None)  # flask-login's own notion of a place: ours may move between networks
    session.pop(CSRF, None)


def stand_up() -> None:
    """What the browser knows of its own payments stays."""
    logout_user()
    session.pop(CSRF, None)
