"""The cache's bounded dict, held to ``cachetools.LRUCache``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cachetools import LRUCache
from hypothesis import given
from hypothesis import strategies as st

from core_backend import get_secret
from core_backend._engine.cache import Bounded

if TYPE_CHECKING:
    from support.scripted import World

KEYS = st.sampled_from("abcdef")
STEPS = st.lists(
    st.tuples(st.just("set"), KEYS)
    | st.tuples(st.just("use"), KEYS)
    | st.tuples(st.just("delete"), KEYS)
    | st.tuples(st.just("resize"), st.integers(1, 5)),
    max_size=60,
)


def resized(cache: LRUCache[str, int], size: int) -> LRUCache[str, int]:
    """cachetools cannot resize a cache, so this refills another."""
    other: LRUCache[str, int] = LRUCache(size)
    while cache:
        key, value = cache.popitem()
        other[key] = value
    return other


@given(size=st.integers(1, 5), steps=STEPS)
def test_it_holds_what_an_lru_cache_holds(size: int, steps: list[tuple[str, str | int]]) -> None:
    dropped: list[int] = []
    bounded: Bounded[str, int] = Bounded(size, dropped.append)
    oracle: LRUCache[str, int] = LRUCache(size)
    put: list[int] = []
    for number, (step, what) in enumerate(steps):
        key = str(what)
        if step == "set":
            bounded[key] = number
            oracle[key] = number
            put.append(number)
        elif step == "use":
            assert bounded.get(key) == oracle.get(key)
            if key in bounded:
                bounded.move_to_end(key)
        elif step == "delete":
            assert bounded.pop(key, None) == oracle.pop(key, None)
        else:
            bounded.resize(int(what))
            oracle = resized(oracle, int(what))
        # By keys alone: reading a value counts as its use.
        assert {*bounded} == {*oracle}
    assert set(dropped) <= set(put) - set(bounded.values())
    # The order in which they will be dropped is the same as well.
    assert [*bounded.items()] == [oracle.popitem() for _ in range(len(oracle))]


def test_on_drop_is_optional() -> None:
    bounded: Bounded[str, int] = Bounded(1)
    bounded["a"], bounded["b"] = 1, 2
    assert [*bounded] == ["b"]


def test_an_entry_that_is_removed_while_it_is_looked_at_is_a_miss(
    w: World,
) -> None:
    get_secret("a").result()
    entry = w.store.cache.find("a")

    def remove_meanwhile() -> float:
        w.store.cache.entries.clear()
        return w.clock.wall()

    entry.wall = remove_meanwhile
    pending = get_secret("a")
    assert pending.result() == "pl4nted-a"
    assert w.calls == 2
