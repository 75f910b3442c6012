"""Whether a planted secret shows where it must not: in logs, warnings, exceptions, output.

A value that a test plants holds ``MARKER`` and something of its own. Nothing that shows it may
hold the marker.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import traceback
from contextvars import ContextVar
from pathlib import Path

MARKER = "pl4nted"

_TESTS = str(Path(__file__).parents[1])
# What a test's own client logs is the test's affair; what these log for core_backend is ours.
_FOREIGN = ("boto3", "botocore", "moto", "responses", "s3transfer", "urllib3", "werkzeug")
_OURS = ("core_backend", "aiobotocore")
_tolerated: ContextVar[bool] = ContextVar("tolerated", default=False)


@contextlib.contextmanager
def tolerated():
    """Let this task or thread log secrets: for tests of what then becomes of them."""
    token = _tolerated.set(True)
    try:
        yield
    finally:
        _tolerated.reset(token)


def assert_absent(*shown):
    """Assert that the marker is in none of these texts, bytes or objects as ``str`` shows them."""
    for one in shown:
        text = one.decode(errors="replace") if isinstance(one, bytes) else str(one)
        assert MARKER not in text, f"a planted secret shows at character {text.index(MARKER)}"


def assert_sealed(error):
    """Assert that no planted secret shows in an exception, however it is looked at.

    That is its repr, text, arguments, attributes and notes, its causes and contexts, suppressed
    or not, the members of a group, and the local variables of every frame that is not a test's.
    """
    for one in _chain(error):
        for what, shown in _views(one):
            assert MARKER not in shown, f"a planted secret shows in the {what} of {type(one)}"


class Witness(logging.Handler):
    """Sees every record that reaches the root logger, and keeps what shows a planted secret."""

    def __init__(self):
        super().__init__(logging.NOTSET)
        self.leaks = []

    def emit(self, record):
        if MARKER in _text_of(record) and not _tolerated.get() and _is_ours(record):
            # Only where it came from: to quote it would be to log it once more.
            self.leaks.append(
                f"logger {record.name}, level {record.levelname}, {record.pathname}:{record.lineno}"
            )

    def see(self, where, text):
        """Take note if ``text``, which was shown at ``where``, holds the marker."""
        if MARKER in text:
            self.leaks.append(where)

    def drain(self):
        """Return what was seen since the last time."""
        seen, self.leaks = self.leaks, []
        return seen


def _chain(error):
    pending, seen = [error], []
    while pending:
        one = pending.pop()
        if one is not None and not any(one is other for other in seen):
            seen.append(one)
            pending += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return seen


def _views(error):
    yield "repr", repr(error)
    yield "text", str(error)
    yield "arguments", f"{error.args!r} {list(map(str, error.args))}"
    yield "attributes", f"{vars(error)!r} {list(map(str, vars(error).values()))}"
    yield "traceback", "".join(traceback.format_exception(error))
    for frame, line in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if not code.co_filename.startswith(_TESTS):
            where = f"frame {code.co_qualname} (line {line})"
            # As traceback.TracebackException(capture_locals=True) shows them.
            yield f"locals of {where}", repr(list(map(_repr, frame.f_locals.values())))


def _repr(value):
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  # whatever it raises
        return f"<repr failed: {error!r}>"


def _text_of(record):
    shown = [str(value) for value in vars(record).values()]
    with contextlib.suppress(Exception):
        shown.append(record.getMessage())
    if record.exc_info:
        shown += traceback.format_exception(*record.exc_info)
    return "\n".join(shown)


def _is_ours(record):
    if record.name.partition(".")[0] not in _FOREIGN:
        return True
    frame = inspect.currentframe()
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith(_OURS) and not module.startswith("core_backend.testing"):
            return True
        frame = frame.f_back
    return False
