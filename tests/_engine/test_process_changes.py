"""What ``configure`` changed, and who takes it back."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import pytest
from support.settings import vars_of

from core_backend import configure
from core_backend._configuration import Settings
from core_backend._engine import process

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _nothing_before_or_after() -> Iterator[None]:
    process.reset()
    yield
    process.reset()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_blocks_end_in_any_order_and_each_takes_back_its_own(order: tuple[int, ...]) -> None:
    settings = process.get_store().settings
    changes = [{"max_stale": 0.0}, {"max_stale": 7.0, "ttl": 1.0}, {"ttl": 2.0, "attempts": 5}]
    blocks = [configure(**change) for change in changes]
    left = dict(enumerate(changes))
    for number in order:
        with blocks[number]:
            pass
        del left[number]
        expected = settings
        for change in left.values():
            expected = expected.replace(**change)
        assert vars_of(process.get_store().settings) == vars_of(expected)
    assert vars_of(process.get_store().settings) == vars_of(settings)


async def test_blocks_of_two_tasks_overlap_and_leave_nothing_behind() -> None:
    before = process.get_store().settings
    entered, left = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        with configure(max_stale=0):
            await entered.wait()
        left.set()

    async def second() -> None:
        with configure(max_stale=7):
            entered.set()
            await left.wait()
            assert process.get_store().settings.max_stale == 7

    await asyncio.gather(first(), second())
    assert vars_of(process.get_store().settings) == vars_of(before)


def test_what_is_configured_for_good_within_a_block_outlives_it() -> None:
    with configure(ttl=1, attempts=5):
        restore = configure(ttl=2)
        assert process.get_store().settings.ttl == 2
    assert (process.get_store().settings.ttl, process.get_store().settings.attempts) == (2, 3)
    with restore:
        pass
    assert vars_of(process.get_store().settings) == vars_of(Settings())


def test_a_block_that_has_ended_takes_nothing_back_twice() -> None:
    restore = configure(ttl=1)
    for _ in range(2):
        with restore, configure(ttl=2):
            pass
    assert vars_of(process.get_store().settings) == vars_of(Settings())


def test_changes_that_nobody_can_take_back_are_not_kept_one_by_one() -> None:
    settings = process.get_store().settings
    with process.replaced(settings=settings):
        for ttl in range(100):
            configure(ttl=ttl)
            configure(max_stale=ttl)
        with configure(attempts=5):
            configure(ttl=50)
            made = process._layers[-1].changes._made
            assert len(made) == 3
        assert vars_of(process.get_store().settings) == vars_of(
            settings.replace(ttl=50, max_stale=99)
        )


def test_a_list_that_was_given_may_be_changed_afterwards() -> None:
    allow = ["a"]
    with configure(allow=allow):
        allow.append("b")
        with configure(ttl=1):
            assert process.get_store().settings.allow == ("a",)
