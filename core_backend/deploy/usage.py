"""Which secrets the code of one handler asks for, where, and what is wrong with it.

Only what the handler reaches counts: the modules that it imports, and of them the functions and
classes that it names. A declaration, or a name that is only passed around, asks for nothing.
"""

from __future__ import annotations

import ast
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from core_backend.deploy.reach import HANDLERS, Part, Reach, check_handler
from core_backend.deploy.scopes import Function, ScopeNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from core_backend.deploy.scopes import Scope
    from core_backend.deploy.source import Module, Program

__all__ = ["Usage", "read_usage"]

# What asks for secrets, and under which keyword it takes them. None: every positional argument.
_REQUESTS = {
    "SecretsSettingsSource": "secrets",
    "async_handler": "prefetch",
    "get_env": "name",
    "get_envs": "names",
    "get_secret": "secret",
    "get_secrets": None,
    "prefetch": None,
    "sync_handler": "prefetch",
    "with_secret": "secret",
    "with_secret_sync": "secret",
}
_AWAITED = ("get_secret", "get_secrets")
# How much of a line a message quotes.
_MAX_QUOTED = 80


class Usage(NamedTuple):
    """What the source tells."""

    uses: dict[str, list[str]]
    """Each secret that is asked for, and where: ``handler.py:12``."""
    unseen: list[str]
    """Where the source does not tell which secret is asked for, and why."""
    faults: list[str]
    """Where the code cannot work, why, and what to do."""
    outside: dict[str, str]
    """Modules that it imports and whose source is not there, and where it does."""


def read_usage(program: Program, name: str, function: str | None) -> Usage:
    """Read which of the declared secrets a handler asks for.

    Args:
        program: The code that is deployed.
        name: The dotted name of the handler's module.
        function: The name of the handler in it; ``None`` for all that is in it.
    """
    faults: list[str] = []
    unseen: list[str] = []
    module = program.module(name)
    assert module is not None  # noqa: S101  # it was found before
    if function is not None and module.fault is None:
        check_handler(module, function, faults, unseen)
    reach = Reach(module, function)
    unseen += [f"{one.shown}: {one.fault}" for one in reach.modules if one.fault]
    # A function may hand its argument on to a request; its callers then ask for the secret.
    forwards: dict[ast.AST, set[str]] = {}
    while True:
        before = sum(map(len, forwards.values()))
        reader = _Reader(program, forwards)
        for part in reach.parts:
            reader.read(part)
        if sum(map(len, forwards.values())) == before:
            break
    unseen += [line for asking, line in reader.questions if asking not in reader.called]
    return Usage(
        {secret: list(dict.fromkeys(places)) for secret, places in reader.uses.items()},
        list(dict.fromkeys(unseen)),
        list(dict.fromkeys([*faults, *reader.faults])),
        reader.outside,
    )


class _Reader(ast.NodeVisitor):
    """Notes what the parts of the code ask for."""

    _module: Module
    _scope: Scope

    def __init__(self, program: Program, forwards: dict[ast.AST, set[str]]) -> None:
        self._program = program
        self._forwards = forwards
        self.uses: dict[str, list[str]] = {}
        self.faults: list[str] = []
        self.outside: dict[str, str] = {}
        # Where a parameter is the secret, with the function: its callers may answer the question.
        self.questions: list[tuple[ast.AST | None, str]] = []
        # Where a function that asks is named, and it is known what becomes of it.
        self._followed: set[ast.AST] = set()
        self._judged: set[ast.AST] = set()
        self.called: set[ast.AST] = set()

    def read(self, part: Part) -> None:
        """Read a part."""
        self._module = part.module
        self._scope = part.module.scope
        self.visit(part.node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = self._module.absolute(node)
        self._check_outside(base, node)
        for alias in node.names:
            if self._program.is_names(f"{base}.{alias.name}"):
                self._check_outside(f"{base}.{alias.name}", node)
            if self._program.is_names(base):
                self._check_declared(alias.name, node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._check_outside(alias.name, node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        owner = self._scope.meaning(node.value)
        if owner is not None and owner.kind == "names":
            self._check_declared(node.attr, node)
        self._check_followed(node)
        self._followed.add(node.value)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self._check_followed(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._read_environment(node.value, node.slice)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        # A field of pydantic's settings says its secret in its annotation.
        match node.annotation:
            case ast.Subscript(value=kind, slice=ast.Tuple(elts=[_, *notes])) if (
                ast.unparse(kind).rpartition(".")[2] == "Annotated"
            ):
                for note in notes:
                    self._use(note)
            case _:
                pass
        self.generic_visit(node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> None:
        self._check_awaited(node.value)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self._check_awaited(node.left)
        self._check_awaited(node.right)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self._followed.add(node.func)
        api = self._scope.api(node.func)
        if api in _REQUESTS:
            for wanted in _wanted(node, api):
                self._judge(node, api, wanted)
        match node:
            case ast.Call(func=ast.Name(id="map"), args=[asked, wanted]) if (
                asks := self._scope.api(asked)
            ) in _REQUESTS:
                self._followed.add(asked)
                self._judge(node, str(asks), wanted)
            case ast.Call(func=ast.Attribute(value=owner, attr="get"), args=[key, *_]):
                self._read_environment(owner, key)
            case ast.Call(func=func, args=[key, *_]) if ast.unparse(func).endswith("getenv"):
                self._read_environment(ast.Name("environ"), key)
            case _:
                pass
        self._judge_forwarded(node)
        self._check_passed(node)
        self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._followed.update(node.decorator_list)
            case ast.Assign(targets=targets, value=value):
                self._follow(targets, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._follow([target], value)
            case ast.NamedExpr(target=target, value=value):
                self._follow([target], value)
            case _:
                pass
        if not isinstance(node, ScopeNode):
            super().generic_visit(node)
            return
        outer = self._scope
        self._scope = outer.inner(node)
        super().generic_visit(node)
        self._scope = outer

    def _judge(self, call: ast.Call, api: str, wanted: ast.expr) -> None:
        """Note which secrets a request is for, or that the source does not tell."""
        meaning = self._scope.meaning(wanted)
        if meaning is not None and meaning.kind == "secrets":
            self._use(wanted)
            return
        if call in self._judged:
            return
        if meaning is not None and meaning.kind == "parameter":
            function, name = meaning.what
            self._forwards.setdefault(function, set()).add(name)
            self.questions.append((function, self._question(call, wanted)))
        elif not (
            # Some other variable, if a variable can have that name.
            api == "get_env"
            and isinstance(wanted, ast.Constant)
            and str(wanted.value).isidentifier()
        ):
            self.questions.append((None, self._question(call, wanted)))
        # What is inside is part of the same question.
        self._judged.update(one for one in ast.walk(wanted) if isinstance(one, ast.Call))

    def _judge_forwarded(self, call: ast.Call) -> None:
        """Judge a call of a function that hands its argument on to a request."""
        meaning = self._scope.meaning(call.func)
        if meaning is None or meaning.kind != "definition":
            return
        function = meaning.what[1]
        names = self._forwards.get(function, set())
        if not isinstance(function, Function) or not names:
            return
        self.called.add(function)
        for wanted in _arguments(call, function, names):
            self._judge(call, "", wanted)
            self._judged.discard(call)

    def _use(self, node: ast.expr) -> None:
        meaning = self._scope.meaning(node)
        if meaning is not None and meaning.kind == "secrets":
            for secret in sorted(meaning.what):
                self.uses.setdefault(secret, []).append(self._place(node))

    def _read_environment(self, owner: ast.expr, key: ast.expr) -> None:
        if ast.unparse(owner).endswith("environ"):
            self._use(key)

    def _follow(self, targets: list[ast.expr], value: ast.expr) -> None:
        """Note that a function which asks gets another name, if that name is followed."""
        # What a class binds is reached through the class, and that is not followed.
        in_class = isinstance(self._scope.node, ast.ClassDef)
        if not in_class and all(self._scope.meaning(one) is not None for one in targets):
            self._followed.add(value)

    def _check_followed(self, node: ast.Name | ast.Attribute) -> None:
        if node in self._followed or not isinstance(node.ctx, ast.Load):
            return
        meaning = self._scope.meaning(node)
        if self._scope.api(node) in _REQUESTS or (meaning is not None and meaning.kind == "names"):
            why = "it is passed on, and what is asked for with it is not followed"
            self.questions.append((None, f"{self._place(node)}: {_quote(node)}: {why}"))

    def _check_passed(self, call: ast.Call) -> None:
        """Note where a name is handed to a function whose source is not there."""
        callee = self._scope.meaning(call.func)
        outside: Any = None if callee is None else callee.what
        if callee is None or callee.kind != "module" or not isinstance(callee.what, tuple):
            return
        package = str(outside[1]).partition(".")[0]
        given = [*call.args, *(one.value for one in call.keywords)]
        names = [self._scope.meaning(one) for one in given]
        if package not in sys.stdlib_module_names and any(
            one is not None and one.kind == "secrets" and one.what for one in names
        ):
            why = f"the source of {package} was not given, so what it asks for is not followed"
            self.questions.append((None, f"{self._place(call)}: {_quote(call)}: {why}"))

    def _check_declared(self, name: str, node: ast.stmt | ast.expr) -> None:
        declared = self._program.declared
        if name == "*" or name in declared.everything:
            return
        close = get_close_matches(name, declared.attributes, n=1)
        hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(declared.attributes)}"
        self.faults.append(f"{self._place(node)}: {declared.module} has no {name}; {hint}")

    def _check_outside(self, name: str, node: ast.stmt) -> None:
        if self._program.module(name) is None:
            self.outside.setdefault(name, self._place(node))

    def _check_awaited(self, node: ast.expr) -> None:
        """Note where what is still under way, or a whole batch, is used as if it were a value."""
        value: object = node
        if isinstance(node, ast.Name):
            values = self._scope.values(node.id)
            value = values[0] if len(values) == 1 else None
        match value:
            case ast.Call(func=func) if self._scope.api(func) in _AWAITED:
                fix = "it is not awaited; write await before it"
            case ast.Await(value=ast.Call(func=func)) if self._scope.api(func) == "get_secrets":
                fix = "it is the tuple of all values; unpack it: key, = await get_secrets(...)"
            case _:
                return
        self.faults.append(f"{self._place(node)}: {_quote(node)} is used as a value: {fix}")

    def _question(self, call: ast.Call, wanted: ast.expr) -> str:
        hint = ""
        if isinstance(wanted, ast.Constant) and isinstance(wanted.value, str):
            close = get_close_matches(wanted.value, self._program.declared.names, n=1)
            hint = f" Declared is the similar {close[0]!r}" if close else ""
        return f"{self._place(call)}: {_quote(call)}: which secret is {_quote(wanted)}?{hint}"

    def _place(self, node: ast.stmt | ast.expr) -> str:
        return f"{self._module.shown}:{node.lineno}"


def _quote(node: ast.expr) -> str:
    code = " ".join(ast.unparse(node).split())
    return code if len(code) <= _MAX_QUOTED else f"{code[:_MAX_QUOTED]}..."


def _wanted(call: ast.Call, api: str) -> list[ast.expr]:
    keyword = _REQUESTS[api]
    named = [one.value for one in call.keywords if keyword and one.arg == keyword]
    if keyword is None:
        return call.args
    if api in HANDLERS:
        return named
    position = 1 if api == "SecretsSettingsSource" else 0
    return [*call.args[position : position + 1], *named]


def _arguments(call: ast.Call, function: Function, names: Iterable[str]) -> Iterator[ast.expr]:
    """Yield what a call gives for some of a function's parameters."""
    spec = function.args
    positional = [*spec.posonlyargs, *spec.args]
    defaults: dict[str, ast.expr | None] = dict(
        zip([one.arg for one in positional][::-1], spec.defaults[::-1], strict=False)
    )
    defaults |= {
        one.arg: default for one, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True)
    }
    for name in sorted(names):
        if spec.vararg is not None and spec.vararg.arg == name:
            yield from call.args[len(positional) :]
            continue
        given = [one.value for one in call.keywords if one.arg == name]
        order = [one.arg for one in positional]
        if name in order:
            given += call.args[order.index(name) :][:1]
        default = defaults.get(name)
        yield from given or ([default] if default is not None else [call])
