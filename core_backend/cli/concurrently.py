"""Many calls at once, bounded, with a progress bar where there are many."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

from core_backend.cli.aws import MAX_CONCURRENCY
from core_backend.cli.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["concurrently"]

T = TypeVar("T")
R = TypeVar("R")

_WORTH_A_BAR = 10


def concurrently(what: str, call: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Call ``call`` with each of ``items``, and return the results in the items' order.

    The first failure is raised, and ends it: what has not begun by then does not begin.
    """
    with ExitStack() as stack:
        pool = ThreadPoolExecutor(MAX_CONCURRENCY)
        stack.callback(pool.shutdown, cancel_futures=True)
        futures = [pool.submit(call, item) for item in items]
        if len(items) >= _WORTH_A_BAR:
            advance = stack.enter_context(progress(what, len(items)))
            for future in as_completed(futures):
                future.result()
                advance()
        return [future.result() for future in futures]
