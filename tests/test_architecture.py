"""What the house looks like, read from its own text (docs: README, "How the code reads")."""

import ast
import re
from pathlib import Path

import pytest

import config
from app import web
from app.web import hooks
from app.web.admin.access import STRANGERS
from config import Environment, read
from tests.test_config import env, production

ROOT = Path(config.__file__).parent
EDGES = {"web", "jobs", "cli"}
LONGEST_FUNCTION, LONGEST_FILE = 30, 250
THEIR_WORDS = re.compile("ResultCode|ResultDesc|CheckoutRequestID|MerchantRequestID|stkCallback")
DOORS = {
    "assets.file",
    "plans.index",
    "plans.of_merchant",
    "checkout.subscribe",
    "checkout.subscribe_at",
    "checkout.pay",
    "checkout.pay_at",
    "payment.page",
    "payment.status",
    "payment.receipt",
    "payment.receipt_pdf",
    "help.mpesa",
    "privacy.page",
    "privacy.page_at",
    "links.qr",
    "links.qr_at",
    "payment.entered",
    "payment.not_paid",
    "payment.retry",
    "payment.number",
    "hooks.stk",
    "health.healthz",
    "health.readyz",
    "metrics.metrics",
    "admin.door.login",
    "admin.door.log_in",
}
PARSED = {path: ast.parse(path.read_text()) for path in sorted(ROOT.glob("app/**/*.py"))}
OURS = PARSED | {
    ROOT / name: ast.parse((ROOT / name).read_text())
    for name in ("config.py", "menu.py", "serve.py", "wsgi.py")
}


def where(path, node=None):
    return f"{path.relative_to(ROOT)}" + (f":{node.lineno}" if node else "")


def room(path):
    return path.relative_to(ROOT / "app").parts[0].removesuffix(".py")


def found(kinds, trees=None):
    for path, tree in (OURS if trees is None else trees).items():
        for node in ast.walk(tree):
            if isinstance(node, kinds):
                yield path, node


def test_only_the_edges_commit():
    inside = {path: tree for path, tree in PARSED.items() if room(path) not in EDGES}
    commits = [
        where(path, node)
        for path, node in found(ast.Attribute, inside)
        if node.attr in ("commit", "begin_nested")
    ]
    assert commits == []


def test_only_the_edges_ring_bells():
    ringing = [
        where(path, node)
        for path, node in found((ast.ImportFrom, ast.Import))
        if room_of_import(node) and "bell" in [alias.name for alias in node.names]
        if room(path) not in EDGES
    ]
    assert ringing == []


def room_of_import(node):
    return isinstance(node, ast.ImportFrom) and (node.module or "").startswith("app.jobs")


def test_every_function_fits_on_a_screen():
    long = [
        f"{where(path, node)} {node.name}: {lines} lines"
        for path, node in found((ast.FunctionDef, ast.AsyncFunctionDef))
        if (lines := node.end_lineno - node.lineno + 1) > LONGEST_FUNCTION
    ]
    assert long == []


def test_no_file_is_long():
    sizes = {path: len(path.read_text().splitlines()) for path in OURS}
    long = [f"{where(path)}: {lines}" for path, lines in sizes.items() if lines > LONGEST_FILE]
    assert long == []


def targets(node):
    """What an assignment assigns to, inside of tuples too."""
    whole = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [inner for target in whole for inner in ast.walk(target)]


def test_only_a_payment_moves_its_own_status():
    assigned = [
        where(path)
        for path, node in found((ast.Assign, ast.AugAssign, ast.AnnAssign))
        for target in targets(node)
        if isinstance(target, ast.Attribute) and target.attr == "status"
        if room(path) != "simulator"  # its answers have a status of HTTP
    ]
    assert assigned == ["app/payments/models.py"]


def test_no_statement_sets_a_status():
    """Neither `update payment set status`, nor values(status=…), nor setattr(…, "status", …)."""
    texts = [
        where(path, node)
        for path, node in found(ast.Constant)
        if isinstance(node.value, str) and re.search(r"set\s+status", node.value, re.IGNORECASE)
    ]
    calls = [
        where(path, node)
        for path, node in found(ast.Call)
        if getattr(node.func, "attr", "") == "values"
        and "status" in [keyword.arg for keyword in node.keywords]
    ]
    set_attributes = [
        where(path, node)
        for path, node in found(ast.Call)
        if getattr(node.func, "id", "") == "setattr"
        and isinstance(node.args[1], ast.Constant)
        and node.args[1].value == "status"
    ]
    assert texts + calls + set_attributes == []


def test_imports_are_at_the_top():
    hidden = [
        where(path, inner)
        for path, node in found((ast.FunctionDef, ast.AsyncFunctionDef))
        for inner in ast.walk(node)
        if isinstance(inner, (ast.Import, ast.ImportFrom))
    ]
    assert hidden == []


def texts_of(tree):
    """The texts that the code uses; a docstring only explains."""
    explained = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in explained
    ]


def their_words(path):
    texts = texts_of(PARSED[path])
    return [f"{where(path, node)} {node.value}" for node in texts if THEIR_WORDS.search(node.value)]


def test_safaricoms_words_stop_at_the_border():
    hook = ROOT / "app/web/hooks.py"
    inside = [path for path in PARSED if room(path) not in ("daraja", "simulator")]
    assert [word for path in inside if path != hook for word in their_words(path)] == []
    spoken = [word.split()[1] for word in their_words(hook)]
    assert spoken == list(hooks.ACCEPTED) == ["ResultCode", "ResultDesc"]


def test_no_page_speaks_safaricoms_language():
    pages = [*ROOT.glob("app/templates/**/*"), *ROOT.glob("app/static/**/*.js")]
    for page in pages:
        if page.is_file() and page.name != "htmx.min.js":
            assert not THEIR_WORDS.search(page.read_text()), where(page)


def test_every_door_is_public_on_purpose_or_says_whom_it_lets_in(wired_app):
    """Deny by default: a new route is in the list of public doors, or declares its roles."""
    rules = {name: getattr(view, "rule", None) for name, view in wired_app.view_functions.items()}
    public = {name for name, rule in rules.items() if rule is None or STRANGERS in rule.roles}
    assert public == DOORS


def test_no_address_of_ours_holds_a_word_that_safaricom_refuses(wired_app):
    rules = [rule.rule for rule in wired_app.url_map.iter_rules() if "hooks" in rule.endpoint]
    assert rules
    assert not [rule for rule in rules for word in config.FORBIDDEN_WORDS if word in rule]


def test_every_room_of_the_web_is_wired():
    rooms = {
        path.stem for path in (ROOT / "app/web").glob("*.py") if "Blueprint(" in path.read_text()
    }
    assert all(hasattr(web, name) for name in rooms)


class Noting(dict):
    """An environment that notes what it is asked for."""

    def __init__(self, *args):
        super().__init__(*args)
        self.asked = set()

    def get(self, name, default=None):
        self.asked.add(name)
        return super().get(name, default)


@pytest.fixture(scope="module")
def variables():
    """Every variable that config.read asks for, whatever the others are."""
    kinds = (
        env(MPESA_TYPE="till", MPESA_TILL="5432100", QUERY_BUDGET_PER_MINUTE="5"),
        production(),
    )
    asked = set()
    for kind in map(Noting, kinds):
        read(kind)
        asked |= kind.asked
    return asked


def test_every_setting_is_in_the_readme(variables):
    readme = (ROOT / "README.md").read_text()
    assert len(variables) >= 25
    assert [name for name in sorted(variables) if not re.search(rf"\b{name}\b", readme)] == []


def test_the_environment_is_read_in_one_place():
    """By name only in config.py; whole in create_app, and by the programs that start others."""
    readers = {
        where(path)
        for path, node in found(ast.Attribute)
        if getattr(node.value, "id", "") == "os" and node.attr in ("environ", "getenv")
    }
    assert {place for place in readers if not place.startswith("app/local/")} == {"app/__init__.py"}
    assert Environment.__module__ == "config"


def test_make_help_tells_of_what_people_need():
    told = set(re.findall(r"^([a-z-]+):.*## \S", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert told >= {"help", "run", "test", "sure"}
