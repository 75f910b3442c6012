"""A dict with a limit: what it lets go of, and when."""

from __future__ import annotations

from core_backend._engine.bounded import Bounded


def filled(size: int, keys: str) -> Bounded[str, str]:
    made: Bounded[str, str] = Bounded(size)
    for key in keys:
        made[key] = key
    return made


def test_the_first_to_come_goes_first():
    assert list(filled(3, "abcd")) == ["b", "c", "d"]


def test_what_was_touched_stays_longer():
    made = filled(3, "abc")
    made.move_to_end("a")
    made["d"] = "d"
    assert list(made) == ["c", "a", "d"]


def test_what_was_set_anew_stays_longer():
    made = filled(3, "abcad")
    assert list(made) == ["c", "a", "d"]


def test_it_shrinks_at_once_and_grows_by_use():
    made = filled(3, "abc")
    made.shrink(1)
    assert list(made) == ["c"]
    made.shrink(2)
    made["d"] = "d"
    assert list(made) == ["c", "d"]
