"""The settings: their defaults and limits, and how they are read from the environment."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, cast

from core_backend.errors import ConfigurationError, show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "ENV_PREFIX",
    "NAMES",
    "SOURCES",
    "Settings",
    "allows",
    "change_settings",
    "read_settings",
]

ENV_PREFIX = "CORE_BACKEND_"
# Defaults of the command line. In the shell of a developer they must not stop a handler's tests.
COMMAND_VARIABLES = frozenset({"CORE_BACKEND_ENV", "CORE_BACKEND_NAMES"})
SOURCES = ("auto", "direct", "sdk", "extension")


class Settings:
    """One consistent set of settings, which is never changed. Times are in seconds.

    The class holds the defaults, and an instance what differs from them. (Creating a NamedTuple of
    as many fields takes half a millisecond of a cold start.)
    """

    ttl: float = 300.0
    """How long a value is used before it is fetched again. 0 fetches it every time."""
    jitter: float = 0.1
    """The part of the ttl by which each value's own ttl varies at random, so that not all
    instances of a function fetch at the same time."""
    refresh_ahead: float = 0.8
    """The part of the ttl after which asking for a value also refreshes it in the background.
    1 waits until it expires."""
    max_stale: float = 3600.0
    """How long past its expiry a value may be used while the service is failing."""
    attempts: int = 3
    """How often one fetch is tried, the first time included."""
    connect_timeout: float = 1.0
    """How long a connection may take, with its TLS handshake."""
    read_timeout: float = 2.0
    """How long an answer may take."""
    timeout: float = 5.0
    """How long a fetch may take with all its attempts; less if less is left of the invocation."""
    max_connections: int = 10
    """How many connections to one endpoint may be open at the same time."""
    max_entries: int = 1024
    """How many secrets are cached. The least recently used one is evicted first."""
    idle_timeout: float = 12.0
    """How long an unused connection is kept for the next fetch."""
    batch: bool = False
    """Whether several missing secrets are fetched with one BatchGetSecretValue."""
    redact_logs: bool = False
    """Whether fetched values are masked in what the root logger's handlers write."""
    warm_up: bool = True
    """Whether a function that starts on Lambda connects to the service before its first event."""
    source: str = "auto"
    """Where values are fetched from: ``auto``, ``direct``, ``sdk`` or ``extension``."""
    insecure_endpoint: str = ""
    """Host that credentials may be sent to over plain http, for a stand-in such as LocalStack."""
    allow: tuple[str, ...] = ()
    """The ids that may be fetched, spelled as they are asked for: a name does not allow its ARN.
    An entry that ends in ``*`` is a prefix. An empty list allows all."""

    def __init__(self, **changes: Any) -> None:
        vars(self).update(changes)

    def replace(self, **changes: Any) -> Settings:
        """Return these settings with ``changes``, which are not checked."""
        return Settings(**{**vars(self), **changes})

    @property
    def connecting(self) -> tuple[object, ...]:
        """The settings that a source is built with: if one changes, so does the source."""
        return (
            self.connect_timeout,
            self.read_timeout,
            self.max_connections,
            self.idle_timeout,
            self.batch,
            self.source,
            self.insecure_endpoint,
        )


NAMES = tuple(Settings.__annotations__)
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
_HOST_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789-._:"
_SWITCHES = ("batch", "redact_logs", "warm_up")
_WORDS: Mapping[str, bool] = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def allows(allow: tuple[str, ...], secret_id: str) -> bool:
    """Return whether the setting ``allow`` lets a secret be fetched; an empty one allows all."""
    return not allow or any(
        secret_id.startswith(entry[:-1]) if entry.endswith("*") else secret_id == entry
        for entry in allow
    )


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from ``CORE_BACKEND_*`` variables. An empty one counts as not set.

    Raises:
        ConfigurationError: Variables are unknown or out of range. Names all of them.
    """
    known = {f"{ENV_PREFIX}{name.upper()}": name for name in NAMES}
    texts = {
        key: text.strip()
        for key, text in environ.items()
        if key.startswith(ENV_PREFIX) and key not in COMMAND_VARIABLES and text.strip()
    }
    parsed = {key: _parse(known[key], text) for key, text in texts.items() if key in known}
    return _change(Settings(), known, {**texts, **parsed})


def change_settings(settings: Settings, changes: Mapping[str, object]) -> Settings:
    """Return ``settings`` with ``changes``.

    Raises:
        ConfigurationError: Settings are unknown or out of range. Names all of them.
    """
    return _change(settings, {name: name for name in NAMES}, changes)


def _change(
    settings: Settings, known: Mapping[str, str], changes: Mapping[str, object]
) -> Settings:
    """Return ``settings`` with ``changes``, whose keys ``known`` maps to the settings' names."""
    faults: list[str] = []
    good: dict[str, Any] = {}
    for key, value in changes.items():
        name = known.get(key)
        if name is None:
            faults.append(_unknown(key, known))
            continue
        try:
            good[name] = _CHECKS[name](name, value)
        except ValueError as error:
            faults.append(f"{key} {error}, not {show(value)}")
    if faults:
        raise ConfigurationError("; ".join(faults))
    return settings.replace(**good)


def _unknown(key: str, known: Mapping[str, str]) -> str:
    # Only a failure pays for the import.
    from difflib import get_close_matches  # noqa: PLC0415

    close = get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"valid settings are {', '.join(known)}"
    return f"unknown setting {show(key)}; {hint}"


def _number(name: str, value: object) -> float:
    low, high = _LIMITS[name]
    whole = isinstance(getattr(Settings, name), int)
    # bool is an int to isinstance, and nan is in no range.
    if (
        isinstance(value, bool)
        or not isinstance(value, int if whole else (int, float))
        or not low <= value <= high
    ):
        raise ValueError(f"must be a {'whole ' * whole}number from {low:,} to {high:,}")
    return int(value) if whole else float(value)


def _switch(_name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004  # one kind of fault for all checks
    return value


def _source(_name: str, value: object) -> str:
    if not isinstance(value, str) or value not in SOURCES:
        raise ValueError(f"must be one of {', '.join(SOURCES)}")
    return str.__str__(value)


def _host(_name: str, value: object) -> str:
    host = str.__str__(value).strip("[]").lower() if isinstance(value, str) else "/"
    # One colon would be that of a port; an IPv6 address has more.
    if host.strip(_HOST_CHARACTERS) or host.count(":") == 1:
        raise ValueError("must be a host without scheme and port, such as localstack")
    return host


def _allow(_name: str, value: object) -> tuple[str, ...]:
    # A str is a collection of strings as well, and would allow single letters.
    if isinstance(value, str) or not isinstance(value, Collection):
        raise ValueError("must be a list of ids and prefixes")  # noqa: TRY004  # as above
    entries: list[object] = list(cast("Collection[object]", value))
    if not all(isinstance(entry, str) and entry for entry in entries):
        raise ValueError("must hold strings that are not empty")
    # Not str(): that of an enum's member is "Names.STRIPE".
    return tuple(str.__str__(cast("str", entry)) for entry in entries)


_CHECKS: Mapping[str, Callable[[str, object], Any]] = {
    **dict.fromkeys(_LIMITS, _number),
    **dict.fromkeys(_SWITCHES, _switch),
    "source": _source,
    "insecure_endpoint": _host,
    "allow": _allow,
}


def _parse(name: str, text: str) -> object:
    """Return the value that a variable's text stands for; the text itself if for none."""
    if name in _SWITCHES:
        return _WORDS.get(text.lower(), text)
    if name == "allow":
        entries = tuple(entry.strip() for entry in text.split(",") if entry.strip())
        # "," names nothing, and must not allow everything.
        return entries or text
    for kind in (int, float) if name in _LIMITS else ():
        try:
            return kind(text)
        except ValueError:
            continue
    return text
