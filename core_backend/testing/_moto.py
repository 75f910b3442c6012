"""Make plain ``mock_aws`` work: while a mock is active, secrets come out of it.

moto mocks the calls of botocore, which does not fetch the secrets on Lambda. So while a mock is
active, a boto3 client fetches them. moto does not tell when a mock begins or ends, and its
decorator ends the mock of an ``async def`` before that has run. So its class is extended by both,
as soon as somebody imports moto. We do not import it here: that takes half a second, and most
tests do without.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.abc
import inspect
import sys
import threading
import unittest
from typing import TYPE_CHECKING, Any

from core_backend import _engine
from core_backend._engine import process
from core_backend.testing import fakes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from core_backend.sources import SecretRequest, SecretSource, SecretValue

__all__ = ["install"]

_MODULE = "moto.core.models"
_EXTENDED = ("start", "stop", "_decorate_callable", "_decorate_class")
# How the operations begin that change nothing.
_READS = ("Get", "BatchGet", "Describe", "List", "Validate")
_FAILED = 300


def install() -> None:
    """Extend moto, now or when it is imported."""
    module = sys.modules.get(_MODULE)
    if module is not None:
        _extend(module)
    else:
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    """Finds moto's module as the other finders do, and extends it once it is loaded."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _MODULE:
            return None
        sys.meta_path.remove(self)
        found = (finder.find_spec(fullname, path, target) for finder in list(sys.meta_path))
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # For its source, a module is later asked for its loader.
        spec: Any = module.__spec__
        module.__loader__ = spec.loader = self._loader
        self._loader.exec_module(module)
        _extend(module)


def _extend(models: ModuleType) -> None:
    mock: Any = getattr(models, "MockAWS", None)
    # moto 4 has another class of that name. We leave it alone, and it works as ever.
    if not all(hasattr(mock, method) for method in _EXTENDED):
        return
    if getattr(mock, "extended_by_core_backend", False):
        return
    mock.extended_by_core_backend = True
    mock.start = _followed_by(mock.start, _begin)
    mock.stop = _followed_by(mock.stop, _end)
    mock._decorate_callable = _also_async(mock._decorate_callable)  # noqa: SLF001  # see above
    mock._decorate_class = _with_async_setup(mock._decorate_class)  # noqa: SLF001  # see above
    # As moto does itself: every client that is made from here on has the handler.
    from botocore.handlers import BUILTIN_HANDLERS  # noqa: PLC0415  # with moto, it is there

    BUILTIN_HANDLERS.append(("after-call.secrets-manager", _forget_after))


def _forget_after(*, http_response: Any, model: Any, **_: Any) -> None:
    """Forget what is cached once a test has changed a secret in moto."""
    changes = not model.name.startswith(_READS) and http_response.status_code < _FAILED
    # Fakes are not in moto. Before the first fetch nothing is cached.
    if _depth and changes and fakes.serving() is None and _engine.current is not None:
        _engine.current.clear()


def _followed_by(method: Callable[..., Any], act: Callable[[], None]) -> Callable[..., Any]:
    @functools.wraps(method)
    def both(*args: Any, **kwargs: Any) -> Any:
        result = method(*args, **kwargs)
        act()
        return result

    return both


def _also_async(decorate: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(decorate)
    def decorated(mock: Any, function: Callable[..., Any], *reset: Any, **more: Any) -> Any:
        if not inspect.iscoroutinefunction(function):
            return decorate(mock, function, *reset, **more)
        given = inspect.signature(decorate).bind(mock, function, *reset, **more).arguments

        @functools.wraps(function)
        async def mocked(*args: Any, **kwargs: Any) -> Any:
            mock.start(reset=given["reset"])
            try:
                return await function(*args, **kwargs)
            finally:
                mock.stop(remove_data=given["remove_data"])

        return mocked

    return decorated


def _with_async_setup(decorate: Callable[..., Any]) -> Callable[..., Any]:
    """Let the data of ``asyncSetUp`` last until the test's end, as moto does for ``setUp``."""

    @functools.wraps(decorate)
    def decorated(mock: Any, case: Any) -> Any:
        before: dict[str, Any] = dict(case.__dict__)
        decorate(mock, case)
        # Where there is a setUp, moto resets before it, and lets all data last.
        if _overrides(case, "asyncSetUp") and not _overrides(case, "setUp"):
            tests = [name for name in before if name.startswith("test")]
            methods = {name: before[name] for name in tests if inspect.isfunction(before[name])}
            for name in ("asyncSetUp", "asyncTearDown"):
                if _overrides(case, name):
                    methods[name] = before.get(name) or getattr(case, name)
            for name, method in methods.items():
                setattr(case, name, mock(method, reset=name == "asyncSetUp", remove_data=False))
        return case

    return decorated


def _overrides(case: type, name: str) -> bool:
    base = unittest.IsolatedAsyncioTestCase
    return issubclass(case, base) and getattr(case, name) is not getattr(base, name)


_lock = threading.Lock()
_depth = 0
_active = contextlib.ExitStack()


def _begin() -> None:
    global _depth  # noqa: PLW0603  # mocks nest, and are one for the whole process
    with _lock:
        _depth += 1
        if _depth == 1:
            _active.enter_context(process.replaced(source=_Source()))


def _end() -> None:
    global _depth  # noqa: PLW0603  # see above
    with _lock:
        _depth -= 1
        if _depth == 0:
            _active.close()


class _Source:
    """Fetches from fakes while there are any, and from the mock otherwise.

    A test asked for its fakes by name, and the mock may be there for other services. Which of the
    two ends first is not known when the mock begins.
    """

    def __init__(self) -> None:
        # Imported here: whoever starts a mock has imported boto3, and nobody else needs it.
        from core_backend.testing._boto_source import BotoSource  # noqa: PLC0415

        self._boto = BotoSource()

    def check(self, request: SecretRequest) -> None:
        self._chosen().check(request)

    async def fetch(self, request: SecretRequest) -> SecretValue:
        return await self._chosen().fetch(request)

    async def warm(self) -> None:
        """Do nothing: there is nothing to prepare."""

    async def aclose(self) -> None:
        await self._boto.aclose()

    def _chosen(self) -> SecretSource:
        served = fakes.serving()
        # Not by its truth: fakes without a secret are false.
        return self._boto if served is None else served
