"""Customers' templates are compiled once for each language, and linked: what is known then is not asked later.

- `_("…")` is that language's text, with its markup; filters of it are worked out too;
- `{% include "…" %}` is the other template's body, in a scope of its own;
- `{% from "…" import … %}` finds its macros once; `with context` they are copied, as they see what is around.

Templates are written as ever, and look the same unlinked (tests/web/test_linking.py compares both).
What Jinja does for each of these costs more than all the text of a page.
"""

from collections.abc import Iterator
from typing import Any

from flask import Flask, current_app
from flask.globals import request_ctx
from jinja2 import Environment, nodes
from jinja2.compiler import CodeGenerator
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from app.web import language

EXTENSION = "malipo.linked"


def render(name: str, **context: Any) -> str:
    """As flask.render_template, in the visitor's language."""
    template = environment(current_app, language.current()).get_template(name)
    return template.render(context, request=request_ctx.request)


def environment(app: Flask, code: str) -> Environment:
    linked: dict[str, Environment] = app.extensions.setdefault(EXTENSION, {})
    if code not in linked:
        linked[code] = _environment(app.jinja_env, code)
    return linked[code]


def _environment(plain: Environment, code: str) -> Environment:
    made = plain.overlay()
    made.code_generator_class = Linked
    made.extend(language=code, macros={})
    return made


class Linked(CodeGenerator):
    def visit_Template(self, node: Any, frame: Any = None) -> None:  # noqa: N802 - Jinja's
        super().visit_Template(Linker(self.environment).visit(node), frame)


class Linker(NodeTransformer):
    def __init__(self, known: Any) -> None:
        self._environment = known

    def visit_Call(self, node: nodes.Call) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        if not (isinstance(node.node, nodes.Name) and node.node.name == "_"):
            return node
        [msgid] = node.args
        assert isinstance(msgid, nodes.Const)  # noqa: S101 - else pybabel had not found it either
        text = nodes.Const(Markup(language.said(msgid.value, self._environment.language)))  # noqa: S704
        pairs = [nodes.Pair(nodes.Const(each.key), each.value) for each in node.kwargs]
        return nodes.Mod(text, nodes.Dict(pairs))

    def visit_Include(self, node: nodes.Include) -> nodes.Scope:  # noqa: N802
        return nodes.Scope(self._body(node.template))

    def visit_FromImport(self, node: nodes.FromImport) -> list[nodes.Node]:  # noqa: N802
        if node.with_context:
            return [one for one in self._body(node.template) if not _is_space(one)]
        return list(self._found(node))

    def _found(self, node: nodes.FromImport) -> Iterator[nodes.Node]:
        template = self._name(node.template)
        module = self._environment.get_template(template).module
        for name in node.names:
            key = f"{template} {name}"
            self._environment.macros[key] = getattr(module, str(name))
            macros = nodes.EnvironmentAttribute("macros")
            found = nodes.Getitem(macros, nodes.Const(key), "load")
            yield nodes.Assign(nodes.Name(str(name), "store"), found)

    def _body(self, template: nodes.Expr) -> list[nodes.Node]:
        name = self._name(template)
        source, _, _ = self._environment.loader.get_source(self._environment, name)
        body: list[nodes.Node] = self.visit(self._environment.parse(source, name)).body
        return body

    def _name(self, template: nodes.Expr) -> str:
        assert isinstance(template, nodes.Const)  # noqa: S101 - ours all are
        return str(template.value)


def _is_space(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Output)
