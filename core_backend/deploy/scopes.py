"""What a name in a module stands for: followed through imports and assignments.

Flow is not followed: a variable stands for everything that is assigned to it in its scope.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from core_backend.deploy.source import Module, Program

__all__ = ["PACKAGE", "Definition", "Function", "Meaning", "Scope", "ScopeNode"]

PACKAGE = "core_backend"
_SEQUENCES = ("frozenset", "list", "reversed", "set", "sorted", "tuple")
# What returns the secret that it is given the name of, or makes a name out of one.
_SAME_SECRET = ("SecretName", "get_env", "get_envs")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef
Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
ScopeNode = Definition | ast.Lambda | Comprehension


class Meaning(NamedTuple):
    """What an expression stands for."""

    kind: Literal["secrets", "names", "api", "module", "definition", "parameter"]
    what: Any
    """For each kind: the names of the secrets; nothing; the dotted name inside this package; a
    ``Module``, or the program and a dotted name; a module and a definition in it; a function and
    one of its parameters."""


_NOTHING = Meaning("secrets", frozenset())


class _Import(NamedTuple):
    """An import; looked up when its name is, since modules may import each other."""

    module: str
    name: str | None = None
    """What is taken from the module; ``None`` for the module itself."""


_Value = ast.expr | Meaning | _Import


class Scope:
    """The names that one scope of a module binds, and those around it."""

    def __init__(self, module: Module, parent: Scope | None = None, node: Any = None) -> None:
        self.module = module
        self.node = node
        """The function, class, lambda or comprehension whose scope it is."""
        self._parent = parent
        self._bound: dict[str, list[_Value]] = {}
        self._open: set[str] = set()

    def inner(self, node: ScopeNode) -> Scope:
        """Return the scope that a function, class, lambda or comprehension opens."""
        scope = Scope(self.module, self, node)
        if isinstance(node, Comprehension):
            for generator in node.generators:
                scope._assign(generator.target, ast.Starred(generator.iter))
        elif not isinstance(node, ast.ClassDef):
            for one in ast.walk(node.args):
                if isinstance(one, ast.arg):
                    scope._bind(one.arg, Meaning("parameter", (node, one.arg)))
        if isinstance(node, Definition):
            scope.read(node.body)
        return scope

    def read(self, body: Iterable[ast.stmt]) -> None:
        """Note what the statements of this scope bind."""
        for node in own_nodes(body):
            match node:
                case ast.Import(names=aliases):
                    for alias in aliases:
                        bound = alias.asname or alias.name.partition(".")[0]
                        self._bind(bound, _Import(alias.name if alias.asname else bound))
                case ast.ImportFrom(names=aliases):
                    self._import_from(self.module.absolute(node), aliases)
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        self._assign(target, value)
                case (
                    ast.AnnAssign(target=target, value=ast.expr() as value)
                    | ast.NamedExpr(target=target, value=value)
                ):
                    self._assign(target, value)
                case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                    self._assign(target, ast.Starred(value))
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    self._bind(node.name, Meaning("definition", (self.module, node)))
                case _:
                    pass

    def binds(self, name: str) -> bool:
        """Tell whether this scope itself binds a name."""
        return name in self._bound or "*" in self._bound

    def values(self, name: str) -> list[_Value]:
        """Return everything that is assigned to a name in the scope that binds it."""
        if name in self._bound:
            return self._bound[name]
        return self._parent.values(name) if self._parent else self._bound.get("*", [])

    def lookup(self, name: str) -> Meaning | None:
        """Return what a name stands for; ``None`` where the source does not tell."""
        if name not in self._bound:
            if self._parent is not None:
                return self._parent.lookup(name)
            stars = map(self._evaluate, self._bound.get("*", []))
            return next((one for star in stars if (one := _member(star, name))), None)
        if name in self._open:
            # It is assigned to itself, in a circle.
            return _NOTHING
        self._open.add(name)
        try:
            return _join(map(self._evaluate, self._bound[name]))
        finally:
            self._open.discard(name)

    def meaning(self, node: ast.expr) -> Meaning | None:
        """Return what an expression stands for; ``None`` where the source does not tell."""
        parts = _parts(node)
        if parts is not None:
            return _join(map(self.meaning, parts))
        match node:
            case ast.Name(id=name):
                found = self.lookup(name)
            case ast.Attribute(value=owner, attr=name):
                found = _member(self.meaning(owner), name)
            case ast.Call():
                found = self._result(node)
            case ast.Constant(value=value):
                found = self._constant(value)
            case ast.ListComp(elt=part) | ast.SetComp(elt=part) | ast.GeneratorExp(elt=part):
                found = self.inner(node).meaning(part)
            case ast.Subscript(value=owner, slice=ast.Constant(value=key)):
                found = self._item(owner, key)
            case _:
                found = None
        return found

    def api(self, node: ast.expr) -> str | None:
        """Return which function of this package an expression is, if it is one."""
        meaning = self.meaning(node)
        if meaning is None or meaning.kind != "api":
            return None
        return str(meaning.what).rpartition(".")[2]

    def _constant(self, value: object) -> Meaning | None:
        if value is None:
            return _NOTHING
        called = self.module.program.declared.called(value) if isinstance(value, str) else None
        return Meaning("secrets", frozenset({called})) if called else None

    def _result(self, call: ast.Call) -> Meaning | None:
        called = self.meaning(call.func)
        if called is not None and called.kind == "secrets":
            # A method of a name: the same secret in another shape or version.
            return called
        arguments = call.args or [keyword.value for keyword in call.keywords]
        if not arguments:
            return None
        if called is not None and called.kind == "api":
            same = str(called.what).rpartition(".")[2] in _SAME_SECRET
            return self.meaning(arguments[0]) if same else None
        if called is None and isinstance(call.func, ast.Name):
            if call.func.id in _SEQUENCES:
                return self.meaning(arguments[0])
            if call.func.id == "map":
                return self.meaning(arguments[-1])
        return None

    def _item(self, owner: ast.expr, key: object) -> Meaning | None:
        """Return what is under a constant key of a dictionary that is written out."""
        values = self.values(owner.id) if isinstance(owner, ast.Name) else [owner]
        match values:
            case [ast.Dict(keys=keys, values=items)]:
                found = [
                    item
                    for one, item in zip(keys, items, strict=True)
                    if isinstance(one, ast.Constant) and one.value == key
                ]
                return self.meaning(found[-1]) if found else None
            case _:
                return None

    def _evaluate(self, value: _Value) -> Meaning | None:
        if isinstance(value, ast.expr):
            return self.meaning(value)
        return self._imported(value) if isinstance(value, _Import) else value

    def _bind(self, name: str, value: _Value) -> None:
        self._bound.setdefault(name, []).append(value)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        match target, value:
            case ast.Name(id=name), _:
                self._bind(name, value)
            case (
                (ast.Tuple(elts=targets) | ast.List(elts=targets)),
                (ast.Tuple(elts=values) | ast.List(elts=values)),
            ) if len(targets) == len(values):
                for one, its_value in zip(targets, values, strict=True):
                    self._assign(one, its_value)
            case ((ast.Tuple(elts=targets) | ast.List(elts=targets)), _):
                for one in targets:
                    # A part of it.
                    self._assign(one, ast.Starred(value))
            case _:
                pass

    def _import_from(self, base: str, aliases: Iterable[ast.alias]) -> None:
        for alias in aliases:
            if alias.name == "*":
                self._bind("*", _Import(base))
            else:
                self._bind(alias.asname or alias.name, _Import(base, alias.name))

    def _imported(self, one: _Import) -> Meaning | None:
        owner = self._module(one.module)
        if one.name is None:
            return owner
        inner = f"{one.module}.{one.name}" if one.module else one.name
        return _member(owner, one.name) or self._module(inner)

    def _module(self, name: str) -> Meaning | None:
        program = self.module.program
        if name.partition(".")[0] == PACKAGE:
            return Meaning("api", name)
        if program.is_names(name):
            return Meaning("names", program)
        module = program.module(name)
        # A pair: a package without __init__.py, or one whose source is not there.
        return Meaning("module", (program, name) if module is None else module)


def _parts(node: ast.expr) -> list[ast.expr] | None:
    """Return what an expression is put together from, or chosen out of."""
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return parts
        case ast.Dict(values=parts) | ast.BoolOp(values=parts):
            return parts
        case ast.IfExp(body=one, orelse=other):
            return [one, other]
        case ast.Starred(value=value) | ast.NamedExpr(value=value):
            return [value]
        case _:
            return None


def own_nodes(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Walk through statements, in their order, but not into scopes of their own."""
    for node in body:
        yield node
        if not isinstance(node, ScopeNode):
            yield from own_nodes(ast.iter_child_nodes(node))


def _member(owner: Meaning | None, name: str) -> Meaning | None:
    """Return what an attribute stands for."""
    match owner:
        case Meaning(kind="secrets"):
            return owner
        case Meaning(kind="api", what=path):
            return Meaning("api", f"{path}.{name}")
        case Meaning(kind="names", what=program):
            declared = program.declared.attributes.get(name)
            return Meaning("secrets", frozenset({str(declared)})) if declared is not None else None
        case Meaning(kind="module", what=module):
            return _module_member(module, name)
        case _:
            return None


def _module_member(owner: Any, name: str) -> Meaning | None:
    program: Program
    package: str
    scope: Scope | None = None
    if isinstance(owner, tuple):
        program, package = cast("tuple[Program, str]", owner)
    else:
        program, package, scope = owner.program, owner.name, owner.scope
    if scope is not None and scope.binds(name):
        found: Meaning | None = scope.lookup(name)
        if found is not None:
            return found
    dotted = f"{package}.{name}" if package else name
    if program.is_names(dotted):
        return Meaning("names", program)
    module = program.module(dotted)
    return Meaning("module", module) if module is not None else None


def _join(parts: Iterable[Meaning | None]) -> Meaning | None:
    """Return what several alternatives stand for together."""
    found = list(parts)
    if all(one is not None and one.kind == "secrets" for one in found):
        return Meaning("secrets", frozenset().union(*(one.what for one in found if one)))
    return found[0] if all(one == found[0] for one in found) else None
