"""Peers' faults: every library through the same hardships, against the service of the tests.

Each hardship is a function that puts one library through it, and returns what went wrong, or an
empty text.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from client_process import ClientProcess, StuckError
from console import Progress
from outcome import Columns, Goal, Outcome, Row, format_figures
from plan import OURS
from support import faults
from support.secret_service import SecretService

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_process import Read
    from plan import Library, Plan

__all__ = ["run"]

_TTL = 1
# core_backend's timeout for a whole fetch, and a tenth of a second more.
_DEADLINE = 5.1
_CONNECTIONS = 10
# A library that waits longer than this waits for a minute, which is the SDK's own timeout. Lambda's
# default timeout is 3 s.
_HUNG = 8.0


class _Hardship(NamedTuple):
    """A row of the table in docs/reliability.md."""

    number: str
    """The row's number in tests/faults."""
    what: str
    wanted: str
    run: Callable[[ClientProcess, SecretService], str]
    patience: float = 25.0
    """How many seconds a read may take before it counts as never answered."""
    quick: bool = False
    """Whether a quick run includes it."""


def run(plan: Plan) -> Outcome:
    """Put each library through each hardship, in a process of its own."""
    hardships = [hardship for hardship in _HARDSHIPS if hardship.quick or not plan.quick]
    progress = Progress("peers_faults", len(hardships) * len(plan.libraries))
    rows: list[Row] = []
    for hardship in hardships:
        row: Row = {key: getattr(hardship, key) for key in ("number", "what", "wanted")}
        for library in plan.libraries:
            progress.step(f"{hardship.what}: {library.label}")
            row[library.key] = _put_through(library, hardship)
        rows.append(row)
    progress.end()
    columns: Columns = {
        "number": ("row", str),
        "what": ("what happens", str),
        "wanted": ("wanted", str),
    }
    for library in plan.libraries:
        # Without the way it reads several secrets: here the hardship decides.
        columns[library.key] = (library.label.partition(",")[0], _format_cell)
    goals = [
        Goal("hardships that core_backend comes through", passed, len(rows), at_least=True)
        for library in plan.libraries
        if library is OURS
        for passed in [sum(not row[library.key] for row in rows)]
    ]
    tables = {"peers_faults": format_figures(columns, rows)}
    setting = {"patience": [hardship.patience for hardship in hardships]}
    return Outcome("peers_faults", "Through the same faults", tables, rows, goals, setting)


def _put_through(library: Library, hardship: _Hardship) -> str:
    """Return what went wrong, or an empty text."""
    with (
        SecretService({"db": "the value"}) as service,
        ClientProcess(
            library.key, service.environ, patience=hardship.patience, quiet=True
        ) as process,
    ):
        try:
            return hardship.run(process, service)
        except StuckError:
            return f"no answer within {hardship.patience:.0f} s"


def _format_cell(fault: str) -> str:
    return f"no: {fault}" if fault else "yes"


def _try_crowd(process: ClientProcess, service: SecretService) -> str:
    outcomes = process.read_together(["db"] * 100)
    return _explain_failures(outcomes) or _explain_calls(service, 1)


def _try_many(process: ClientProcess, service: SecretService) -> str:
    names = [f"many/{n}" for n in range(100)]
    for name in names:
        service.put(name, f"value of {name}")
    outcomes = process.read_together(names)
    if [outcome.value for outcome in outcomes] != [f"value of {name}" for name in names]:
        return _explain_failures(outcomes) or "values are crossed"
    most = service.most_open
    return f"{most} connections" if most > _CONNECTIONS else ""


def _try_one_missing(process: ClientProcess, service: SecretService) -> str:
    names = [f"some/{n}" for n in range(9)]
    for name in names:
        service.put(name, name)
    for name in [*names, "missing"]:
        process.read(name)
    service.forget()
    again = [process.read(name) for name in [*names, "missing"]]
    if _explain_failures(again[:9]) or not again[9].error:
        return "not the nine values and one error"
    return _explain_calls(service, 0)


def _try_next_loop(process: ClientProcess, service: SecretService) -> str:
    service.put("other", "another value")
    process.read_on_new_loop("db")
    return _explain_failures([process.read_on_new_loop("other")])


def _try_throttled_twice(process: ClientProcess, service: SecretService) -> str:
    service.script(faults.throttled, faults.throttled)
    return _explain_failures([process.read("db")])


def _try_throttled_always(process: ClientProcess, service: SecretService) -> str:
    service.always(faults.throttled)
    fault = _explain_delay(process.read("db"))
    service.calls.clear()
    process.read("db")
    return fault or _explain_calls(service, 0)


def _try_stale(process: ClientProcess, service: SecretService) -> str:
    _let_expire(process)
    service.always(faults.throttled)
    return _explain_failures([process.read("db")])


def _try_revoked(process: ClientProcess, service: SecretService) -> str:
    _let_expire(process)
    service.always(faults.error("AccessDeniedException", "not authorized"))
    for _ in range(2):
        if process.read("db").value is not None:
            return "serves the revoked value"
    return ""


def _try_idle_closed(process: ClientProcess, service: SecretService) -> str:
    service.put("other", "another value")
    process.read("db")
    service.close_connections()
    return _explain_failures([process.read("other")])


def _try_hung(fault: Any) -> Callable[[ClientProcess, SecretService], str]:
    def run(process: ClientProcess, service: SecretService) -> str:
        service.always(fault)
        return _explain_delay(process.read("db"))

    return run


def _try_nonsense(process: ClientProcess, service: SecretService) -> str:
    for body in (b'{"SecretString": "half a v', b"<html>half a v</html>"):
        service.always(faults.body(body))
        outcome = process.read("db")
        error = outcome.error
        if not error:
            return "returns None" if outcome.value is None else "no error"
        if "half a v" in error:
            return "the body is in the error"
    return ""


def _try_forked(process: ClientProcess, service: SecretService) -> str:
    service.latency = 0.05
    process.read("db")
    return _explain_failures(process.read_in_fork("db"))


def _try_fresh(process: ClientProcess, service: SecretService) -> str:
    process.read("db")
    service.put("db", "the new value")
    service.forget()
    outcomes = process.read_together(["db"] * 100, fresh=True)
    if {outcome.value for outcome in outcomes} != {"the new value"}:
        return _explain_failures(outcomes) or "the old value"
    return _explain_calls(service, 1)


def _try_expired_token(process: ClientProcess, service: SecretService) -> str:
    service.script(faults.error("ExpiredTokenException", "The security token is expired"))
    return _explain_failures([process.read("db")])


def _try_stages(process: ClientProcess, service: SecretService) -> str:
    service.put("db", "the new value")
    values = [process.read("db", stage=f"AWS{stage}").value for stage in ("CURRENT", "PREVIOUS")]
    return "" if values == ["the new value", "the value"] else "one for the other"


def _try_no_descriptors(process: ClientProcess, _service: SecretService) -> str:
    if process.read_without_descriptors("db").value is not None:
        return "no error"
    return _explain_failures([process.read("db")])


def _try_signals(process: ClientProcess, service: SecretService) -> str:
    service.latency = 2e-3
    return _explain_failures(process.read_after_signals(_put_many(service, "many")))


def _try_finalizers(process: ClientProcess, service: SecretService) -> str:
    if not process.do("can block"):
        return "can only be awaited"
    _put_many(service, "finalizer")
    return _explain_failures(process.read_beside_finalizers(_put_many(service, "many")))


def _try_subinterpreter(process: ClientProcess, _service: SecretService) -> str:
    return _explain_failures([process.read_in_subinterpreter("db")])


def _put_many(service: SecretService, kind: str) -> list[str]:
    names = [f"{kind}/{n}" for n in range(50)]
    for name in names:
        service.put(name, f"value of {name}")
    return names


def _try_debug(process: ClientProcess, service: SecretService) -> str:
    service.put("db", "what nobody may read")
    process.do("listen")
    process.read("db")
    if process.do("was logged", text="what nobody may read"):
        return "the value is logged"
    token = service.environ["AWS_SESSION_TOKEN"]
    return "the session token is logged" if process.do("was logged", text=token) else ""


def _let_expire(process: ClientProcess) -> None:
    """Leave an expired value in the cache."""
    process.do("prepare", ttl=_TTL)
    process.read("db")
    time.sleep(_TTL * 1.2)


def _explain_failures(outcomes: list[Read]) -> str:
    errors = {outcome.error.partition(":")[0] for outcome in outcomes if outcome.value is None}
    if "" in errors:
        return "returns None"
    return f"raises {', '.join(sorted(errors))}" if errors else ""


def _explain_delay(outcome: Read) -> str:
    if outcome.value is not None:
        return "no error"
    return f"raises after {outcome.seconds:.0f} s" if outcome.seconds > _DEADLINE else ""


def _explain_calls(service: SecretService, most: int) -> str:
    # A library may call other operations as well. Only repeated calls of one operation count.
    counts = Counter(call.operation for call in service.calls)
    calls = max(counts.values(), default=0)
    return f"{calls} call{'s' * (calls > 1)}" if calls > most else ""


_HARDSHIPS = [
    _Hardship("1", "100 ask for one cold secret at once", "one call", _try_crowd, quick=True),
    _Hardship("2", "100 secrets at once", "at most 10 connections", _try_many),
    _Hardship("3", "one of ten is missing, asked again", "no further call", _try_one_missing),
    _Hardship("5", "another event loop than before", "the value", _try_next_loop),
    _Hardship("6", "throttled twice", "the value", _try_throttled_twice),
    _Hardship("7", "throttled always", "an error within 5 s, then no call", _try_throttled_always),
    _Hardship("8", "throttled, an expired value at hand", "that value", _try_stale),
    _Hardship("10", "access denied on refresh", "an error, not the old value", _try_revoked),
    _Hardship("11", "the idle connection was closed", "the value", _try_idle_closed),
    _Hardship(
        "12", "no handshake", "an error within 5 s", _try_hung(faults.AtConnect.BLACK_HOLE), _HUNG
    ),
    _Hardship(
        "12", "stalls after the headers", "an error within 5 s", _try_hung(faults.stall), _HUNG
    ),
    _Hardship("12", "one byte a second", "an error within 5 s", _try_hung(faults.trickle()), _HUNG),
    _Hardship(
        "13", "half an answer, or a web page", "an error without it", _try_nonsense, quick=True
    ),
    _Hardship("20", "forked with a warm client", "the value on both sides", _try_forked),
    _Hardship("22", "100 ask past the cache at once", "one call, the new value", _try_fresh),
    _Hardship("24", "the credentials expired once", "the value", _try_expired_token),
    _Hardship("25", "two stages of one secret", "each its own", _try_stages, quick=True),
    _Hardship("30", "DEBUG on the root logger", "no value, no token in it", _try_debug, quick=True),
    _Hardship(
        "31",
        "no descriptor is left, then there are",
        "an error, then the value",
        _try_no_descriptors,
        quick=True,
    ),
    _Hardship("32", "a signal handler raises in mid-read", "the next read works", _try_signals),
    _Hardship("33", "finalizers read in mid-read", "nobody waits for ever", _try_finalizers),
    _Hardship("34", "read in a subinterpreter", "the value", _try_subinterpreter),
]
