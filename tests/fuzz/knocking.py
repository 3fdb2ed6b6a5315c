"""Requests at every door: any method, and anything in its path, query, headers, cookies and body."""

import inspect
import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, urlencode

from app import web
from tests.fuzz import hostile

PART = re.compile("<(?:(?P<kind>[a-z]+)(?:[(][^>]*[)])?:)?(?P<name>[a-z_]+)>")
NAME = re.compile(
    r"""(?:get|getlist|text|day|shillings|field)\(["']([a-z_]+)["']|["']([a-z_]+)["']: """
)
EVERYWHERE = ("next", "lang", "v", "attempt", "reason", "phone", "before", "after", "csrf_token")
WHO = ("stranger", "customer", "owner", "finance", "support", "viewer", "operator")


@dataclass(frozen=True)
class Door:
    endpoint: str
    rule: str
    method: str
    names: tuple[str, ...]  # of fields that its module asks for


@dataclass(frozen=True)
class Knock:
    door: Door
    who: str
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None  # None: the form
    form: tuple[tuple[str, str], ...]
    token: bool  # whether the form carries its own
    shown: bool  # whether the rest of the form is as its page shows it

    @property
    def file(self):
        """What is uploaded, by the tests of the form's names."""
        return BytesIO(self.body or b"Receipt No.,Completion Time\n")


def doors(app):
    return [
        Door(rule.endpoint, rule.rule, method, names_of(app.view_functions[rule.endpoint]))
        for rule in app.url_map.iter_rules()
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
    ]


def names_of(view):
    """The fields that the view's module and its templates may read."""
    source = Path(inspect.getfile(inspect.unwrap(view))).read_text()
    found = {one or other for one, other in NAME.findall(source)}
    return tuple(sorted(found | set(EVERYWHERE) | FIELDS.get(folder_of(source), set())))


def folder_of(source):
    """Where its templates are."""
    found = re.search(r'"((?:admin/)?[a-z]+)/_?[a-z]+\.html"', source)
    return found.group(1) if found else ""


def fields():
    found = {}
    templates = Path(web.__file__).parents[1] / "templates"
    for file in templates.rglob("*.html"):
        names = re.findall(r'(?:name="|field\(")([a-z_]+)"', file.read_text())
        found.setdefault(str(file.parent.relative_to(templates)), set()).update(names)
    return found


FIELDS = fields()


def knock(luck, at, known):
    """`known`: for the parts of paths, what leads somewhere."""
    door = luck.choice(at)
    usual = WHO[2:] if door.endpoint.startswith("admin.") else WHO[:2]
    wants_body = door.endpoint.startswith("hooks.") or luck.seldom(8)
    return Knock(
        door=door,
        who=luck.choice(WHO if luck.seldom(6) else usual),
        method=luck.choice(hostile.METHODS) if luck.seldom() else door.method,
        path=path(luck, door.rule, known),
        query=query(luck, door.names) if luck.seldom(2) else "",
        headers=headers(luck) if luck.seldom(4) else (),
        body=luck.body() if wants_body else None,
        form=luck.pairs(door.names),
        token=not luck.seldom(),
        shown=not luck.seldom(3),
    )


def path(luck, rule, known):
    def fill(part):
        right = luck.choice(known.get(part["name"], known[part["kind"] or "string"]))
        return quoted(luck.text() if luck.seldom() else right)

    return PART.sub(fill, rule)


def query(luck, names):
    if luck.seldom(6):
        return quoted(luck.text())
    return urlencode(luck.pairs(names), errors="surrogatepass")


def quoted(text):
    return quote(text, safe="", errors="surrogatepass")


def headers(luck):
    found = luck.sample(hostile.HEADERS, luck.randint(1, 3))
    return tuple((name, luck.choice(hostile.VALUES)) for name in found)
