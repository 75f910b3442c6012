"""The rows: what a service, a network and a function do to whoever reads secrets.

Each is a function that puts one library through it, and returns what went wrong, or nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from support import faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from reading import Outcome, Reader
    from support.secret_service import SecretService

__all__ = ["HARDSHIPS", "Hardship"]

_TTL = 1
# How long core_backend gives a whole fetch, and a tenth of a second more.
_DEADLINE = 5.1
_CONNECTIONS = 10
# Who waits so long waits for a minute, the SDK's own timeout. Lambda's is 3 s, if nobody sets it.
_HUNG = 8.0


class Hardship(NamedTuple):
    """One row."""

    number: str
    """Its number in the list that the package is tested against."""
    what: str
    wanted: str
    run: Callable[[Reader, SecretService], str]
    patience: float = 25.0
    """After how many seconds a read counts as never answered."""
    quick: bool = False
    """Whether it goes through it where all is to be quick."""


def _crowd(reader: Reader, service: SecretService) -> str:
    outcomes = reader.together(["db"] * 100)
    return _not_all(outcomes) or _too_many(service, 1)


def _many(reader: Reader, service: SecretService) -> str:
    names = [f"many/{n}" for n in range(100)]
    for name in names:
        service.put(name, f"value of {name}")
    outcomes = reader.together(names)
    if [outcome.value for outcome in outcomes] != [f"value of {name}" for name in names]:
        return _not_all(outcomes) or "values are crossed"
    most = service.most_open
    return f"{most} connections" if most > _CONNECTIONS else ""


def _one_missing(reader: Reader, service: SecretService) -> str:
    names = [f"some/{n}" for n in range(9)]
    for name in names:
        service.put(name, name)
    for name in [*names, "missing"]:
        reader.read(name)
    service.forget()
    again = [reader.read(name) for name in [*names, "missing"]]
    if _not_all(again[:9]) or not again[9].error:
        return "not the nine values and one error"
    return _too_many(service, 0)


def _next_loop(reader: Reader, service: SecretService) -> str:
    service.put("other", "another value")
    reader.read_on_a_loop_of_its_own("db")
    return _not_all([reader.read_on_a_loop_of_its_own("other")])


def _throttled_twice(reader: Reader, service: SecretService) -> str:
    service.script(faults.throttled, faults.throttled)
    return _not_all([reader.read("db")])


def _throttled_always(reader: Reader, service: SecretService) -> str:
    service.always(faults.throttled)
    fault = _too_late(reader.read("db"))
    service.calls.clear()
    reader.read("db")
    return fault or _too_many(service, 0)


def _stale(reader: Reader, service: SecretService) -> str:
    _expired(reader)
    service.always(faults.throttled)
    return _not_all([reader.read("db")])


def _revoked(reader: Reader, service: SecretService) -> str:
    _expired(reader)
    service.always(faults.error("AccessDeniedException", "not authorized"))
    for _ in range(2):
        if reader.read("db").value is not None:
            return "serves the revoked value"
    return ""


def _idle_closed(reader: Reader, service: SecretService) -> str:
    service.put("other", "another value")
    reader.read("db")
    service.close_connections()
    return _not_all([reader.read("other")])


def _hung(fault: Any) -> Callable[[Reader, SecretService], str]:
    def run(reader: Reader, service: SecretService) -> str:
        service.always(fault)
        return _too_late(reader.read("db"))

    return run


def _nonsense(reader: Reader, service: SecretService) -> str:
    for body in (b'{"SecretString": "half a v', b"<html>half a v</html>"):
        service.always(faults.body(body))
        outcome = reader.read("db")
        error = outcome.error
        if not error:
            return "returns None" if outcome.value is None else "no error"
        if "half a v" in error:
            return "the body is in the error"
    return ""


def _forked(reader: Reader, service: SecretService) -> str:
    service.latency = 0.05
    reader.read("db")
    return _not_all(reader.on_both_sides_of_a_fork("db"))


def _fresh(reader: Reader, service: SecretService) -> str:
    reader.read("db")
    service.put("db", "the new value")
    service.forget()
    outcomes = reader.together(["db"] * 100, fresh=True)
    if {outcome.value for outcome in outcomes} != {"the new value"}:
        return _not_all(outcomes) or "the old value"
    return _too_many(service, 1)


def _expired_token(reader: Reader, service: SecretService) -> str:
    service.script(faults.error("ExpiredTokenException", "The security token is expired"))
    return _not_all([reader.read("db")])


def _stages(reader: Reader, service: SecretService) -> str:
    service.put("db", "the new value")
    values = [reader.read("db", stage=f"AWS{stage}").value for stage in ("CURRENT", "PREVIOUS")]
    return "" if values == ["the new value", "the value"] else "one for the other"


def _debug(reader: Reader, service: SecretService) -> str:
    service.put("db", "what nobody may read")
    reader.do("listen")
    reader.read("db")
    if reader.do("logged", text="what nobody may read"):
        return "the value is logged"
    token = service.environ["AWS_SESSION_TOKEN"]
    return "the session token is logged" if reader.do("logged", text=token) else ""


def _expired(reader: Reader) -> None:
    """Have a value at hand that has expired."""
    reader.do("prepare", ttl=_TTL)
    reader.read("db")
    time.sleep(_TTL * 1.2)


def _not_all(outcomes: list[Outcome]) -> str:
    errors = {outcome.error.partition(":")[0] for outcome in outcomes if outcome.value is None}
    if "" in errors:
        return "returns None"
    return f"raises {', '.join(sorted(errors))}" if errors else ""


def _too_late(outcome: Outcome) -> str:
    if outcome.value is not None:
        return "no error"
    return f"raises after {outcome.seconds:.0f} s" if outcome.seconds > _DEADLINE else ""


def _too_many(service: SecretService, most: int) -> str:
    # A library may well ask for more than the value; what counts is how often it asks for each.
    counts = Counter(call.operation for call in service.calls)
    calls = max(counts.values(), default=0)
    return f"{calls} call{'s' * (calls > 1)}" if calls > most else ""


HARDSHIPS = [
    Hardship("1", "100 ask for one cold secret at once", "one call", _crowd, quick=True),
    Hardship("2", "100 secrets at once", "at most 10 connections", _many),
    Hardship("3", "one of ten is missing, asked again", "no further call", _one_missing),
    Hardship("5", "another event loop than before", "the value", _next_loop),
    Hardship("6", "throttled twice", "the value", _throttled_twice),
    Hardship("7", "throttled always", "an error within 5 s, then no call", _throttled_always),
    Hardship("8", "throttled, an expired value at hand", "that value", _stale),
    Hardship("10", "access denied on refresh", "an error, not the old value", _revoked),
    Hardship("11", "the idle connection was closed", "the value", _idle_closed),
    Hardship(
        "12", "no handshake", "an error within 5 s", _hung(faults.AtConnect.BLACK_HOLE), _HUNG
    ),
    Hardship("12", "stalls after the headers", "an error within 5 s", _hung(faults.stall), _HUNG),
    Hardship("12", "one byte a second", "an error within 5 s", _hung(faults.trickle()), _HUNG),
    Hardship("13", "half an answer, or a web page", "an error without it", _nonsense, quick=True),
    Hardship("20", "forked with a warm client", "the value on both sides", _forked),
    Hardship("22", "100 ask past the cache at once", "one call, the new value", _fresh),
    Hardship("24", "the credentials expired once", "the value", _expired_token),
    Hardship("25", "two stages of one secret", "each its own", _stages, quick=True),
    Hardship("30", "DEBUG on the root logger", "no value, no token in it", _debug, quick=True),
]
