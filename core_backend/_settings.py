"""The settings: their defaults, their limits, and where they are read from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from core_backend.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ENV_PREFIX", "SOURCES", "Settings", "settings_from_env", "updated"]

ENV_PREFIX = "CORE_BACKEND_"
SOURCES = ("auto", "direct", "sdk", "extension")


class Settings(NamedTuple):
    """One consistent set of settings. Times are in seconds."""

    ttl: float = 300.0
    """How long a value is used before it is fetched again. 0 fetches every time."""
    jitter: float = 0.1
    """By how much of itself each value's ttl varies, so that a fleet does not expire together."""
    refresh_ahead: float = 0.8
    """After which part of its ttl a value that is asked for is refreshed in the background.
    1 waits for the expiry."""
    max_stale: float = 3600.0
    """How long past its expiry a value may serve while the service is failing."""
    attempts: int = 3
    """How often one fetch is tried in all."""
    connect_timeout: float = 1.0
    """How long a connection may take, its TLS handshake included."""
    read_timeout: float = 2.0
    """How long an answer may take."""
    timeout: float = 5.0
    """How long a whole fetch may take, with all its attempts. Less where less is left of the
    invocation."""
    max_connections: int = 10
    """How many connections are open at once."""
    max_entries: int = 1024
    """How many secrets are cached; the least recently used goes first."""
    idle_timeout: float = 12.0
    """How long an unused connection is kept for the next fetch."""
    batch: bool = False
    """Whether several missing secrets are asked for in one BatchGetSecretValue."""
    redact_logs: bool = False
    """Whether fetched values are masked in what the root logger's handlers write."""
    source: str = "auto"
    """Where values come from: ``auto``, ``direct``, ``sdk`` or ``extension``."""
    allow: tuple[str, ...] = ()
    """The ids that may be fetched; one that ends in ``*`` is a prefix. Empty allows all."""


# The least and the most a number may be.
_LIMITS: Mapping[str, tuple[float, float]] = {
    "ttl": (0, 86_400),
    "jitter": (0, 0.5),
    "refresh_ahead": (0.1, 1),
    "max_stale": (0, 604_800),
    "attempts": (1, 10),
    "connect_timeout": (0.01, 60),
    "read_timeout": (0.01, 60),
    "timeout": (0.01, 300),
    "max_connections": (1, 1_000),
    "max_entries": (1, 1_000_000),
    "idle_timeout": (0, 3_600),
}
_SWITCHES = ("batch", "redact_logs")
_WORDS = {"1": True, "true": True, "yes": True, "on": True}
_WORDS |= {"0": False, "false": False, "no": False, "off": False}


def settings_from_env(environ: Mapping[str, str]) -> Settings:
    """Read the settings from ``CORE_BACKEND_*`` variables.

    Raises:
        ConfigurationError: One or more of them are unknown or out of range; names all.
    """
    given = {
        key.removeprefix(ENV_PREFIX).lower(): _from_text(key.removeprefix(ENV_PREFIX).lower(), text)
        for key, text in environ.items()
        if key.startswith(ENV_PREFIX) and text.strip()
    }
    return _checked(Settings(), given, lambda name: f"{ENV_PREFIX}{name.upper()}")


def updated(settings: Settings, changes: Mapping[str, object]) -> Settings:
    """Return ``settings`` with ``changes`` made.

    Raises:
        ConfigurationError: One or more of them are unknown or out of range; names all.
    """
    return _checked(settings, changes, str)


def _checked(
    settings: Settings, changes: Mapping[str, object], shown: Callable[[str], str]
) -> Settings:
    faults: list[str] = []
    good: dict[str, Any] = {}
    for name, value in changes.items():
        try:
            good[name] = _CHECKS[name](name, value)
        except KeyError:
            faults.append(f"{shown(name)} is no setting; there are {', '.join(Settings._fields)}")
        except ValueError as error:
            faults.append(f"{shown(name)} {error}, not {value!r:.80}")
    if faults:
        raise ConfigurationError("; ".join(faults))
    return settings._replace(**good)


def _number(name: str, value: object) -> float:
    low, high = _LIMITS[name]
    whole = isinstance(Settings._field_defaults[name], int)
    kinds = int if whole else (int, float)
    if (
        isinstance(value, bool)
        or not isinstance(value, kinds)
        or not math.isfinite(value)
        or not low <= value <= high
    ):
        raise ValueError(f"must be a {'whole ' * whole}number from {low:,} to {high:,}")
    return int(value) if whole else float(value)


def _switch(_name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004  # one kind of fault for all checks
    return value


def _source(_name: str, value: object) -> str:
    if value not in SOURCES:
        raise ValueError(f"must be one of {', '.join(SOURCES)}")
    return str(value)


def _allow(_name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)):
        raise ValueError("must be a list of ids and prefixes")  # noqa: TRY004  # as above
    if not all(isinstance(entry, str) and entry for entry in value):
        raise ValueError("must hold strings that are not empty")
    return tuple(str(entry) for entry in value)


_CHECKS: dict[str, Callable[[str, object], Any]] = (
    dict.fromkeys(_LIMITS, _number)
    | dict.fromkeys(_SWITCHES, _switch)
    | {"source": _source, "allow": _allow}
)


def _from_text(name: str, text: str) -> object:
    """Return the Python value an environment variable's text stands for, or the text itself."""
    text = text.strip()
    if name in _SWITCHES:
        return _WORDS.get(text.lower(), text)
    if name == "allow":
        return tuple(entry.strip() for entry in text.split(",") if entry.strip())
    for kind in (int, float) if name in _LIMITS else ():
        try:
            return kind(text)
        except ValueError:
            continue
    return text
