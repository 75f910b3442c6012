"""The states of a secret over time. The cache itself says in which state a value is, and when."""

from __future__ import annotations

from itertools import groupby

from svg import BLUE, GREEN, LINE, ORANGE, RED, WIDTH, box, paint, picture, text

from core_backend._clock import Moment, Sent
from core_backend._configuration import Settings
from core_backend._engine.cache import Cache, Entry
from core_backend.sources import SecretRequest, SecretValue
from core_backend.testing.clock import FakeClock
from core_backend.values import SecretText

__all__ = ["draw"]

# Of each state: its colour, what a call gets while the service answers, and while it fails.
_STATES = {
    "young": (GREEN, "A call gets the value at once.", ""),
    "due for a refresh": (
        BLUE,
        "A call gets the value at once. It also starts a refresh in the background.",
        "",
    ),
    "expired": (
        ORANGE,
        "A call waits for the new value.",
        "While the service fails, the call gets the old value, which is called stale.",
    ),
    "gone": (
        RED,
        "A call waits for the new value.",
        "While the service fails, the call gets an error.",
    ),
}
_AT, _WRAP, _GAP = 80, 52, 8


def draw() -> str:
    """Return the picture as SVG."""
    settings = Settings()
    shapes = text(10, 26, "Age of the value", attributes='class="title"')
    y = 40.0
    for state, start in _find_starts(settings):
        colour, answering, failing = _STATES[state]
        words = text(_AT + 12, y + 46, answering, wrap=_WRAP)
        words += text(_AT + 12, y + 46 + len(words) * LINE, failing, wrap=_WRAP)
        height = 40 + len(words) * LINE
        shapes += [box(_AT, y, WIDTH - _AT - 10, height, paint(colour)), *words]
        shapes += text(_AT - 10, y + 24, f"{start:,} s", attributes='text-anchor="end"')
        shapes += text(_AT + 12, y + 24, state, attributes='class="title"')
        y += height + _GAP
    note = (
        f"With the default settings. Each ttl varies at random by up to {settings.jitter:.0%}. "
        "At any age, a refusal drops the value: access was revoked, or the secret was deleted."
    )
    words = text(10, y + 18, note, wrap=66)
    return picture(
        "The states of a cached value by its age, and what a call gets in each.",
        y + len(words) * LINE + 14,
        shapes + words,
    )


def _find_starts(settings: Settings) -> list[tuple[str, int]]:
    """Return the states in their order, each with the age in seconds at which it starts."""
    clock = FakeClock()
    sent = Moment(clock.wall(), clock.monotonic())
    cache = Cache(clock, lambda: 0.5, settings)  # in the middle, so that the ttl does not vary
    value = SecretValue(SecretText("made up"), "version")
    entry = cache.add(SecretRequest("made-up"), value, Sent(sent, 1))
    longest = round(settings.ttl + settings.max_stale)
    states = (
        (_state(entry, Moment(sent.wall + age, sent.monotonic + age), settings), age)
        for age in range(longest + 1)
    )
    return [next(group) for _, group in groupby(states, key=lambda pair: pair[0])]


def _state(entry: Entry, now: Moment, settings: Settings) -> str:
    if entry.young_value(now.wall, now.monotonic) is not None:
        return "young"
    if not entry.has_expired(now):
        return "due for a refresh"
    return "expired" if entry.can_serve_stale(now, settings.max_stale) else "gone"
