"""Direct sources, and what must not be reached from their errors."""

from __future__ import annotations

import asyncio
import gc
import types

from core_backend._configuration import Settings
from core_backend.errors import CoreBackendError
from core_backend.sources.direct import DirectSource
from core_backend.sources.protocol import SecretRequest
from core_backend.testing.clock import FakeClock
from support.leaks import assert_absent

REQUEST = SecretRequest("db")


class Environ(dict):
    """An environment that tests tell from what the source makes of it."""


def source_of(service, **settings):
    given = Settings().replace(**{"connect_timeout": 5, "read_timeout": 5, **settings})
    return DirectSource(given, Environ(service.environ), FakeClock())


def frames_of(error):
    """Return the local variables of every frame that an exception leads to."""
    found, todo = [], [error]
    while todo:
        one = todo.pop()
        todo += [more for more in (one.__cause__, one.__context__) if more is not None]
        step = one.__traceback__
        while step is not None:
            if step.tb_frame.f_globals["__name__"].startswith("core_backend"):
                found += list(step.tb_frame.f_locals.values())
            step = step.tb_next
    return found


def assert_holds_nothing(error):
    """Assert that no answer, token or key can be reached from an exception.

    The source itself can, and holds the environment, as any part of the process can.
    """
    assert isinstance(error, CoreBackendError)
    assert error.__cause__ is error.__context__ is None
    beyond = (types.ModuleType, type, types.FunctionType, asyncio.AbstractEventLoop, Environ)
    seen, todo = set(), [error.args, error.__dict__, *frames_of(error)]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, beyond):
            continue
        seen.add(id(one))
        if isinstance(one, str):
            assert_absent(str.__str__(one))
        elif isinstance(one, (bytes, bytearray)):
            assert_absent(bytes(one))
        todo += gc.get_referents(one)
    assert any(isinstance(one, DirectSource) for one in frames_of(error))
