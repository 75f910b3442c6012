"""What the names in a piece of source stand for, as far as its own text tells.

Flow is not followed: a variable means whatever is assigned to it anywhere in its scope, so a
secret may be taken for used where it is not, never the other way round.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from core_backend.deploy.declared import DeclaredNames

__all__ = ["Meaning", "Scope", "api_of", "own_nodes"]

_PACKAGE = "core_backend"
_SEQUENCES = ("frozenset", "list", "reversed", "set", "sorted", "tuple")

Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
ScopeNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef | Comprehension


class Meaning(NamedTuple):
    """What an expression stands for."""

    kind: Literal["secrets", "names", "package"]
    """Declared secrets; the module of names; this package, or what is reached through it."""
    what: frozenset[str]
    """The secrets; for the package, the attribute."""


_NOTHING = Meaning("secrets", frozenset())


def api_of(meaning: Meaning | None) -> str | None:
    """Return which function of this package is meant, if one is."""
    return next(iter(meaning.what), None) if meaning and meaning.kind == "package" else None


class Scope:
    """The names bound in one scope of the source, and in those around it."""

    def __init__(self, declared: DeclaredNames, parent: Scope | None = None) -> None:
        """Start with nothing bound."""
        self._declared = declared
        self._parent = parent
        self._bound: dict[str, Meaning | None] = {}

    def inner(self, node: ScopeNode) -> Scope:
        """Return the scope that a function, class, lambda or comprehension opens."""
        scope = Scope(self._declared, self)
        if isinstance(node, Comprehension):
            for generator in node.generators:
                scope._assign(generator.target, generator.iter)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg):
                    # Only a caller knows.
                    scope._bind(argument.arg, None)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            scope.read(node.body)
        return scope

    def read(self, body: Iterable[ast.stmt]) -> None:
        """Bind what the statements of this scope bind."""
        for node in own_nodes(body):
            match node:
                case ast.Import(names=aliases):
                    self._import(aliases)
                case ast.ImportFrom(module=module, names=aliases):
                    self._import_from(module or "", aliases)
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        self._assign(target, value)
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    self._assign(target, value)
                case ast.NamedExpr(target=target, value=value):
                    self._assign(target, value)
                case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                    self._assign(target, value)
                case _:
                    pass

    def meaning(self, node: ast.expr) -> Meaning | None:
        """Return what an expression stands for; ``None`` where the source does not tell."""
        parts = _parts(node)
        if parts is not None:
            return _union(map(self.meaning, parts))
        match node:
            case ast.Name() | ast.Attribute():
                return self._reference(node)
            case ast.Call():
                return self._result(node)
            case ast.Constant():
                return self._constant(node.value)
            case ast.ListComp(elt=part) | ast.SetComp(elt=part) | ast.GeneratorExp(elt=part):
                return self.inner(node).meaning(part)
            case _:
                return None

    def _reference(self, node: ast.Name | ast.Attribute) -> Meaning | None:
        known = self.lookup(ast.unparse(node))
        if known is not None or isinstance(node, ast.Name):
            return known
        return self._member(self.meaning(node.value), node.attr)

    def lookup(self, name: str) -> Meaning | None:
        """Return what a name, or the dotted path of an import, is bound to."""
        if name in self._bound:
            return self._bound[name]
        return self._parent.lookup(name) if self._parent else None

    def _member(self, owner: Meaning | None, attribute: str) -> Meaning | None:
        if owner is None or owner.kind == "secrets":
            # Of a name: its stages, fields and methods. Of a mapping: its values.
            return owner
        if owner.kind == "package":
            return Meaning("package", frozenset({attribute}))
        return self._declared_as(attribute)

    def _result(self, call: ast.Call) -> Meaning | None:
        called = self.meaning(call.func)
        if called and called.kind == "secrets":
            return called
        arguments = call.args or [keyword.value for keyword in call.keywords]
        if not arguments:
            return None
        if api_of(called) in ("get_env", "get_envs", "SecretName"):
            return self.meaning(arguments[0])
        if isinstance(call.func, ast.Name) and call.func.id in _SEQUENCES:
            return self.meaning(arguments[0])
        if isinstance(call.func, ast.Name) and call.func.id == "map":
            return self.meaning(arguments[-1])
        return None

    def _constant(self, value: object) -> Meaning | None:
        if value is None:
            return _NOTHING
        name = self._declared.called(value) if isinstance(value, str) else None
        return None if name is None else Meaning("secrets", frozenset({name}))

    def _declared_as(self, attribute: str) -> Meaning | None:
        name = self._declared.attributes.get(attribute)
        return None if name is None else Meaning("secrets", frozenset({str(name)}))

    def _bind(self, name: str, meaning: Meaning | None) -> None:
        if self._bound.setdefault(name, meaning) != meaning:
            self._bound[name] = _union([self._bound[name], meaning])

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        match target, value:
            case ast.Name(id=name), _:
                self._bind(name, self.meaning(value))
            case (
                (ast.Tuple(elts=targets) | ast.List(elts=targets)),
                (ast.Tuple(elts=values) | ast.List(elts=values)),
            ) if len(targets) == len(values):
                for one, its_value in zip(targets, values, strict=True):
                    self._assign(one, its_value)
            case ((ast.Tuple(elts=targets) | ast.List(elts=targets)), _):
                for one in targets:
                    self._assign(one, value)
            case _:
                pass

    def _import(self, aliases: Iterable[ast.alias]) -> None:
        for alias in aliases:
            bound = alias.asname or alias.name
            if alias.name.rpartition(".")[2] == self._declared.module:
                self._bind(bound, Meaning("names", frozenset()))
            elif alias.name.partition(".")[0] == _PACKAGE:
                self._bind(bound, Meaning("package", frozenset()))

    def _import_from(self, module: str, aliases: Iterable[ast.alias]) -> None:
        for alias in aliases:
            bound = alias.asname or alias.name
            if module.rpartition(".")[2] == self._declared.module:
                wanted = self._declared.attributes if alias.name == "*" else [alias.name]
                for attribute in wanted:
                    name = attribute if alias.name == "*" else bound
                    self._bind(name, self._declared_as(attribute))
            elif module.partition(".")[0] == _PACKAGE:
                self._bind(bound, Meaning("package", frozenset({alias.name})))
            elif alias.name == self._declared.module:
                self._bind(bound, Meaning("names", frozenset()))


def own_nodes(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Walk through statements, in their order, but not into scopes of their own."""
    for node in body:
        yield node
        if not isinstance(node, ScopeNode):
            yield from own_nodes(ast.iter_child_nodes(node))


def _parts(node: ast.expr) -> list[ast.expr] | None:
    """Return what an expression is put together from, or chosen or taken out of."""
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return parts
        case ast.Dict(values=parts) | ast.BoolOp(values=parts):
            return parts
        case ast.IfExp(body=one, orelse=other):
            return [one, other]
        case ast.Starred(value=value) | ast.Subscript(value=value) | ast.NamedExpr(value=value):
            return [value]
        case _:
            return None


def _union(parts: Iterable[Meaning | None]) -> Meaning | None:
    secrets: frozenset[str] = frozenset()
    for part in parts:
        if part is None or part.kind != "secrets":
            return None
        secrets |= part.what
    return Meaning("secrets", secrets)
