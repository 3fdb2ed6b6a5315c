"""Who knocks, what they are answered, and what that must never be."""

import csv
import re
import time
import traceback
from collections import Counter
from io import StringIO
from urllib.parse import urlsplit

from bs4 import BeautifulSoup
from flask import got_request_exception
from sqlalchemy import text, update

from app import merchants
from app.extensions import db
from app.merchants import Merchant
from app.staff import ROLES, Staff
from tests.fuzz import hostile
from tests.web import forms
from tests.web.admin.desk import hire, sit

LONGEST = 5  # seconds, on a machine that is busy with other tests
LARGEST = 1_000_000  # bytes
SETTLE_EVERY = 40
FORMULA = re.compile(r"[=+\-@\t\r](?![0-9.,]*$)")  # a number below zero is none


class Visitors:
    """Browsers of every role, and the tally of what they saw."""

    def __init__(self, app):
        self.app = app
        self.seen = Counter()
        self.wrong = []
        self.errors = []
        self.slowest = (0.0, None)
        self.people = {role: hire(role).id for role in ROLES}
        self.clients, self.tokens = {}, {}
        got_request_exception.connect(self.note, app)

    def note(self, _app, exception, **_):
        self.errors.append(exception)

    def close(self):
        got_request_exception.disconnect(self.note, self.app)

    def client(self, who):
        if who not in self.clients:
            self.clients[who] = self.app.test_client()
            if who in self.people:
                sit(self.clients[who], db.session.get_one(Staff, self.people[who]))
        return self.clients[who]

    def token(self, who):
        """What the person's forms carry: without it, nothing behind a form would be tried."""
        if who not in self.tokens:
            page = "/admin/account/sessions" if who in self.people else "/subscribe/standard"
            self.tokens[who] = forms.fields_any(self.client(who).get(page))
        return self.tokens[who]

    def settle(self):
        """What a knock may have done to those who knock: put out, locked out, sent to enrol."""
        db.session.rollback()
        usual = {
            "disabled_at": None,
            "must_change_password": False,
            "totp_sealed": None,
            "totp_last_step": None,
        }
        for role, person in self.people.items():
            values = usual | {"role": role, "merchant_id": merchants.named("default").id}
            db.session.execute(update(Staff).where(Staff.id == person).values(values))
        db.session.execute(update(Merchant).values(second_factor_required=False))
        db.session.execute(text("delete from rate_bucket where key like 'login:%'"))
        db.session.commit()
        self.clients.clear()
        self.tokens.clear()

    def knock(self, knock):
        if sum(self.seen.values()) % SETTLE_EVERY == 0:
            self.settle()
        began = time.perf_counter()
        try:
            answer = self.ask(knock)
        except Exception as error:  # noqa: BLE001 - whatever a server would have met
            self.wrong.append((where(error), knock))
            return
        took = time.perf_counter() - began
        self.slowest = max(self.slowest, (took, knock.door.endpoint), key=lambda one: one[0])
        self.seen[knock.door.endpoint, answer.status_code] += 1
        self.wrong += [(what, knock) for what, is_so in faults(answer, took).items() if is_so]
        self.wrong += [(where(error), knock) for error in self.errors]
        self.errors.clear()
        answer.close()

    def ask(self, knock):
        given = {
            "method": knock.method,
            "headers": [(name, plain(value)) for name, value in knock.headers],
            "base_url": "http://localhost",
        }
        if knock.body is not None and "file" not in knock.door.names:
            given["data"] = knock.body
        elif knock.method not in ("GET", "HEAD"):
            token = [("csrf_token", self.token(knock.who))] if knock.token else []
            shown = self.shown(knock) if knock.shown else {}
            given["data"] = form(knock, shown, token)
        client = self.client(knock.who)
        return client.open(f"{knock.path}?{knock.query}", **given)

    def shown(self, knock):
        """What a browser would send of the page at the same place, were nothing typed."""
        page = self.client(knock.who).get(knock.path)
        if page.status_code != 200 or page.mimetype != "text/html":
            return {}
        return {
            field["name"]: value_of(field)
            for field in BeautifulSoup(page.data, "html.parser").select("form [name]")
        }


def where(error):
    """What happened, and at which lines of ours."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        f"{frame.filename.rpartition('/app/')[2]}:{frame.lineno}"
        for frame in frames
        if "/app/" in frame.filename
    ]
    return f"{error!r:.200} at {' '.join(ours[-3:])}"


def value_of(field):
    if field.name == "select":
        chosen = field.find("option", selected=True) or field.find("option")
        return chosen.get("value", chosen.text) if chosen else ""
    return field.text if field.name == "textarea" else field.get("value", "")


def form(knock, shown, token):
    """What the page shows, but for what is typed; a name may come twice."""
    typed = {}
    for name, value in (*knock.form, *token):
        typed.setdefault(sendable(name), []).append(sendable(value))
    sent = {name: [value] for name, value in shown.items() if name != "csrf_token"} | typed
    uploads = "file" in knock.door.names and knock.body is not None
    return sent | ({"file": (knock.file, "november.csv")} if uploads else {})


def sendable(value):
    """As browsers send it: a half of a character becomes a question mark."""
    return value.encode(errors="replace").decode()


def plain(value):
    return value.replace("\r", "").replace("\n", "")


def faults(answer, took):
    body, status = answer.get_data(), answer.status_code
    page = answer.mimetype == "text/html"
    return {
        f"a {status}": status >= 500,
        "a traceback": b"Traceback (most recent" in body or b"werkzeug.exc" in body,
        f"{took:.1f} s": took > LONGEST,
        "too long a page": len(body) > LARGEST,
        "a script of a stranger's": page and hostile.SCRIPT.encode() in body,
        "a formula": answer.mimetype == "text/csv" and has_formula(body.decode("utf-8-sig")),
        "a place of a stranger's": leads_away(answer.headers.get("Location", "/")),
        "no nosniff": answer.headers.get("X-Content-Type-Options") != "nosniff",
        "no policy": "default-src 'none'" not in answer.headers.get("Content-Security-Policy", ""),
    }


def has_formula(sheet):
    return any(FORMULA.match(cell) for row in csv.reader(StringIO(sheet)) for cell in row)


def leads_away(location):
    found = urlsplit(location)
    return bool(found.netloc and found.netloc != "localhost") or location.startswith(("//", "/\\"))


# What no column may hold: it hides, turns round or ends lines where people read (C48, Trojan Source).
UNFIT = "[\u0001-\u0008\u000b-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"


def unfit_columns():
    """Columns of texts with what confuses whoever reads them; each with a value."""
    found = {}
    for table in db.metadata.tables.values():
        for column in table.columns:
            if column.type.python_type in (str, dict, list) and table.name != "alembic_version":
                query = f'select "{column.name}"::text from "{table.name}" where "{column.name}"::text ~ :unfit'
                if (value := db.session.scalar(text(query), {"unfit": UNFIT})) is not None:
                    found[f"{table.name}.{column.name}"] = value
    return found
