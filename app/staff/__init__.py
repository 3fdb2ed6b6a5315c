"""People who look after payments: their accounts, where they are signed in, their second factor."""

from app.staff.accounts import create
from app.staff.models import OPERATOR, OWNER, ROLES, RecoveryCode, Staff, StaffSession
from app.staff.passwords import fits as password_fits

__all__ = [
    "OPERATOR",
    "OWNER",
    "ROLES",
    "RecoveryCode",
    "Staff",
    "StaffSession",
    "create",
    "password_fits",
]
