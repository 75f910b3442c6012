"""Which secrets a handler's source asks for, read with ``ast``: nothing of it is run.

A declared name that the code loads counts as used, wherever it goes from there. What remains are
requests whose secret cannot be told from the source; those are listed, not guessed.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core_backend.deploy.scopes import Scope, ScopeNode, api_of
from core_backend.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from core_backend.deploy.declared import DeclaredNames

__all__ = ["Source", "Usage", "read_usage", "sources"]

# What asks for secrets, and under which keywords it takes them. None takes them all by position.
_REQUESTS = {
    "async_handler": ("prefetch",),
    "get_env": ("name",),
    "get_envs": ("names",),
    "get_secret": ("secret",),
    "get_secrets": (),
    "prefetch": (),
    "sync_handler": ("prefetch",),
    "with_secret": ("secret",),
}
_DECORATORS = ("async_handler", "sync_handler")
# Names that are looked up by a text, which may be computed.
_INDIRECT = ("__import__", "eval", "exec", "getattr", "globals", "import_module")
# How much of a line a message quotes.
_MAX_QUOTED = 80


class Source(NamedTuple):
    """One file of the handler's code."""

    path: Path
    shown: str
    """Its path below the folder that was given, or its name."""


class Usage(NamedTuple):
    """What the source tells."""

    uses: dict[str, list[str]]
    """Each secret that is used, and where: ``handler.py:12``."""
    unseen: list[str]
    """Where, and why, it does not tell."""


def sources(handler: Iterable[str | os.PathLike[str]]) -> list[Source]:
    """Return the files to read: those given, and all Python files in the folders given.

    Raises:
        ConfigurationError: Something given does not exist, or there is no file at all.
    """
    found: dict[Path, Source] = {}
    for given in map(Path, handler):
        if not given.exists():
            raise ConfigurationError(f"there is no {given}; pass the handler's file or folder")
        for path in sorted(given.rglob("*.py")) if given.is_dir() else [given]:
            below = path.relative_to(given) if given.is_dir() else Path(path.name)
            if not any(part.startswith(".") or part == "cdk.out" for part in below.parts):
                found.setdefault(path.resolve(), Source(path, below.as_posix()))
    if not found:
        raise ConfigurationError("no Python file was given; pass the handler's file or folder")
    return list(found.values())


def read_usage(files: Iterable[Source], declared: DeclaredNames) -> Usage:
    """Read which of the declared secrets the files use."""
    files = list(files)
    usage = Usage({}, [])
    known = {file.path.resolve() for file in files}
    for file in files:
        try:
            tree = ast.parse(file.path.read_bytes())
        except (SyntaxError, ValueError) as error:
            usage.unseen.append(f"{file.shown}: it is no Python that this one can read: {error}")
            continue
        scope = Scope(declared)
        scope.read(tree.body)
        reader = _Reader(file, declared, scope, usage)
        reader.visit(tree)
        usage.unseen.extend(_not_given(file, tree, declared, known))
    return usage


class _Reader(ast.NodeVisitor):
    """Notes what one file uses."""

    def __init__(self, file: Source, declared: DeclaredNames, scope: Scope, usage: Usage) -> None:
        self._file = file
        self._scope = scope
        self._usage = usage
        self._keys = {name.env_key: key for key, name in declared.names.items()}
        self._judged: set[ast.Call] = set()
        # Where a function that asks for secrets is named and it is known what becomes of it.
        self._followed: set[ast.AST] = set()
        self._owner: ast.AST | None = None

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._note(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._note(node)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and node.value in self._keys:
            self._use(self._keys[node.value], node)

    def visit_Call(self, node: ast.Call) -> None:
        self._followed.add(node.func)
        self._judge(node)
        self._judge_map(node)
        self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        self._follow(node)
        if not isinstance(node, ScopeNode):
            super().generic_visit(node)
            return
        outer = self._scope, self._owner
        self._scope, self._owner = self._scope.inner(node), node
        super().generic_visit(node)
        self._scope, self._owner = outer

    def _follow(self, node: ast.AST) -> None:
        """Note where a function decorates, or only gets another name."""
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._followed.update(node.decorator_list)
            case ast.Assign(targets=targets, value=value):
                self._rename(targets, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._rename([target], value)
            case ast.NamedExpr(target=target, value=value):
                self._rename([target], value)
            case _:
                pass

    def _rename(self, targets: Iterable[ast.expr], value: ast.expr) -> None:
        # What a class binds is reached through the class, and that is not followed.
        meaning = self._scope.meaning(value)
        renamed = all(self._scope.meaning(target) == meaning for target in targets)
        if renamed and not isinstance(self._owner, ast.ClassDef):
            self._followed.add(value)

    def _judge(self, call: ast.Call) -> None:
        """Note which secrets a call asks for, or that this cannot be told."""
        api = api_of(self._scope.meaning(call.func))
        name = api or getattr(call.func, "attr", getattr(call.func, "id", None))
        if name in _INDIRECT:
            self._unseen(call, "what it finds is decided when it runs")
        if api not in _REQUESTS or call in self._judged:
            return
        for wanted in _wanted(call, api):
            meaning = self._scope.meaning(wanted)
            if meaning is not None and meaning.kind == "secrets":
                for secret in meaning.what:
                    self._use(secret, wanted)
            elif api != "get_env" or not isinstance(wanted, ast.Constant):
                # A constant that is no secret's name is the name of some other variable.
                self._unseen(call, f"which secret is {_quoted(wanted)}?")
                self._judged.update(one for one in ast.walk(wanted) if isinstance(one, ast.Call))

    def _judge_map(self, call: ast.Call) -> None:
        """Note what a ``map`` asks for: it calls its first argument with each of the second."""
        match call:
            case ast.Call(func=ast.Name(id="map"), args=[asked, wanted]) if (
                api_of(self._scope.meaning(asked)) in _REQUESTS
            ):
                meaning = self._scope.meaning(wanted)
                self._followed.add(asked)
                if call not in self._judged and (meaning is None or meaning.kind != "secrets"):
                    self._unseen(call, f"which secret is {_quoted(wanted)}?")
            case _:
                pass

    def _note(self, node: ast.expr) -> None:
        meaning = self._scope.meaning(node)
        if api_of(meaning) in _REQUESTS and node not in self._followed:
            self._unseen(node, "it is passed on, and what it is asked for is not to be seen")
        if meaning is not None and meaning.kind == "secrets":
            for secret in meaning.what:
                self._use(secret, node)

    def _use(self, secret: str, node: ast.expr) -> None:
        places = self._usage.uses.setdefault(secret, [])
        place = f"{self._file.shown}:{node.lineno}"
        if place not in places:
            places.append(place)

    def _unseen(self, node: ast.expr, why: str) -> None:
        place = f"{self._file.shown}:{node.lineno}"
        self._usage.unseen.append(f"{place}: {_quoted(node)}: {why}")


def _quoted(node: ast.expr) -> str:
    code = " ".join(ast.unparse(node).split())
    return code if len(code) <= _MAX_QUOTED else f"{code[:_MAX_QUOTED]}..."


def _wanted(call: ast.Call, api: str) -> list[ast.expr]:
    keywords = _REQUESTS[api]
    positional = [] if api in _DECORATORS else call.args
    named = [keyword.value for keyword in call.keywords if keyword.arg in keywords]
    return [*(positional[:1] if keywords else positional), *named]


def _not_given(
    file: Source, tree: ast.Module, declared: DeclaredNames, known: set[Path]
) -> Iterator[str]:
    """Name the modules beside a file that it imports and whose source was not given."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for module in _imported(node):
            path = _beside(file.path, module, getattr(node, "level", 0))
            if path and path.resolve() not in known and path.stem != declared.module:
                yield f"{file.shown}:{node.lineno}: it imports {module}, whose source was not given"


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.Import):
        return names
    inner = [f"{node.module}.{name}" if node.module else name for name in names]
    return [*([node.module] if node.module else []), *inner]


def _beside(file: Path, module: str, level: int) -> Path | None:
    """Return the source of a module that lies beside a file, or in a folder beside it."""
    folder = file.resolve().parents[max(level - 1, 0)]
    path = folder.joinpath(*module.split("."))
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)
