"""What runs of a handler's code: what the handler names, and what that names in turn."""

from __future__ import annotations

import ast
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from core_backend.deploy.scopes import Definition, Function, Scope
from core_backend.deploy.source import Module

if TYPE_CHECKING:
    from core_backend.deploy.scopes import Meaning

__all__ = ["HANDLERS", "Part", "Reach", "check_handler"]

# What makes a function a handler, and registers it nowhere.
HANDLERS = ("async_handler", "sync_handler")
# Decorators of Powertools that do no more than wrap, however they are called.
_WRAPPERS = ("inject_lambda_context", "capture_lambda_handler", "capture_method", "log_metrics")


class Part(NamedTuple):
    """A part of a module that runs."""

    module: Module
    node: ast.stmt


class Reach:
    """Finds what runs of the code: from the handler on, along imports and names."""

    def __init__(self, module: Module, function: str | None) -> None:
        self.parts: list[Part] = []
        self._modules: dict[Module, int] = {}
        self._seen: set[ast.AST] = set()
        self._load(module)
        if function is not None:
            self._use(module.scope.lookup(function))
        else:
            for definition in module.definitions.values():
                self._add(module, definition)
        # What is found on the way is added to the end.
        for part in self.parts:
            self._follow(part)
        self.parts.sort(key=lambda part: (self._modules[part.module], part.node.lineno))

    @property
    def modules(self) -> list[Module]:
        """The modules that are imported."""
        return list(self._modules)

    def _add(self, module: Module, node: ast.stmt) -> None:
        if node not in self._seen:
            self._seen.add(node)
            self.parts.append(Part(module, node))

    def _load(self, module: Module | None) -> None:
        """Add what runs when a module is imported, and the packages that it is in."""
        if module is None or module in self._modules:
            return
        self._modules[module] = len(self._modules)
        self._load(module.program.module(module.name.rpartition(".")[0]))
        for node in module.tree.body:
            if not isinstance(node, Definition) or _is_registered(node, module.scope):
                self._add(module, node)

    def _follow(self, part: Part) -> None:
        for node in ast.walk(part.node):
            for name in part.module.imports(node):
                self._load(part.module.program.module(name))
            if node is not part.node and isinstance(node, ast.Import | ast.ImportFrom):
                self._follow_local(part.module, node)
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                self._use(part.module.scope.meaning(node))

    def _follow_local(self, module: Module, node: ast.Import | ast.ImportFrom) -> None:
        # Bound in a scope of its own, where no name is followed: what it takes is reached.
        scope = Scope(module)
        scope.read([node])
        for alias in node.names:
            self._use(scope.lookup((alias.asname or alias.name).partition(".")[0]))
            whole = module.program.module(alias.name) if isinstance(node, ast.Import) else None
            if whole is not None:
                for definition in whole.definitions.values():
                    self._add(whole, definition)

    def _use(self, meaning: Meaning | None) -> None:
        if meaning is not None and meaning.kind == "definition":
            module, definition = meaning.what
            self._load(module)
            self._add(module, definition)
        if meaning is not None and meaning.kind == "module" and isinstance(meaning.what, Module):
            self._load(meaning.what)


def _is_registered(node: Definition, scope: Scope) -> bool:
    """Tell whether a decorator hands a function to somebody, as ``@app.get("/")`` does."""
    if any(scope.api(_callee(one)) in HANDLERS for one in node.decorator_list):
        return False
    return any(
        isinstance(one, ast.Call)
        and isinstance(one.func, ast.Attribute)
        and one.func.attr not in _WRAPPERS
        for one in node.decorator_list
    )


def _callee(node: ast.expr) -> ast.expr:
    """Return what a decorator is, whether it is called or not."""
    return node.func if isinstance(node, ast.Call) else node


def check_handler(module: Module, function: str, faults: list[str], unseen: list[str]) -> None:
    """Note whether the handler is there, and is something that Lambda can call."""
    meaning = module.scope.lookup(function)
    if meaning is not None and meaning.kind == "definition":
        owner, handler = meaning.what
        if isinstance(handler, Function):
            _check_decorators(owner, handler, faults, unseen)
    elif not module.scope.binds(function):
        there = [name for name, node in module.definitions.items() if isinstance(node, Function)]
        close = get_close_matches(function, there, n=1)
        hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(there) or 'none'}"
        faults.append(
            f"{module.shown}: it has no function {function!r}, which the template names as the "
            f"handler; {hint}"
        )


def _check_decorators(
    module: Module, handler: Function, faults: list[str], unseen: list[str]
) -> None:
    """Note where a handler is not decorated as Lambda, which awaits nothing, needs it."""
    place = f"{module.shown}:{handler.lineno}"
    decorators = [module.scope.api(_callee(one)) for one in handler.decorator_list]
    is_async = isinstance(handler, ast.AsyncFunctionDef)
    if is_async and "sync_handler" in decorators:
        faults.append(
            f"{place}: the handler {handler.name} is async def under @sync_handler; use "
            f"@async_handler"
        )
    elif is_async and not decorators:
        faults.append(
            f"{place}: the handler {handler.name} is async def, and Lambda does not await it; "
            f"put @async_handler above it"
        )
    elif is_async and "async_handler" not in decorators:
        unseen.append(
            f"{place}: whether the decorators of {handler.name} make its async def a handler that "
            f"Lambda can call; @async_handler does"
        )
    elif not is_async and "async_handler" in decorators:
        faults.append(
            f"{place}: the handler {handler.name} is a plain def under @async_handler; write "
            f"async def, or use @sync_handler"
        )
