"""A forked child's copies of event loops; what becomes of it under TLS is in tests/whole/faults."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING

import pytest

from core_backend._engine.portal import leave_to_parent

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]


def in_child(work: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("connections", [False, True])
def test_a_child_that_closes_its_copy_takes_nothing_out_of_the_parents(connections: bool) -> None:
    loop = asyncio.new_event_loop()
    mine, theirs = socket.socketpair()
    heard: list[bytes] = []

    def close_in_child() -> None:
        leave_to_parent(loop, connections=connections)
        leave_to_parent(loop, connections=connections)
        loop.remove_reader(mine)
        loop.close()

    with mine, theirs:
        loop.add_reader(mine, lambda: (heard.append(mine.recv(9)), loop.stop()))
        assert in_child(close_in_child) == 0
        loop.call_later(10, loop.stop)
        theirs.send(b"still here")
        loop.run_forever()
        loop.remove_reader(mine)
    loop.close()
    assert heard == [b"still her"]


def test_a_child_cannot_talk_on_its_parents_connections() -> None:
    loop = asyncio.new_event_loop()
    mine, theirs = socket.socketpair()

    def talk() -> None:
        leave_to_parent(loop, connections=True)
        with pytest.raises(OSError, match="."):
            mine.send(b"from the child")

    with mine, theirs:
        loop.add_reader(mine, loop.stop)
        assert in_child(talk) == 0
        mine.send(b"from the parent")
        assert theirs.recv(99) == b"from the parent"
        loop.remove_reader(mine)
    loop.close()


def test_a_closed_loop_and_one_of_another_make_are_left_as_they_are() -> None:
    closed = asyncio.new_event_loop()
    closed.close()
    leave_to_parent(closed)
    leave_to_parent(object())  # type: ignore[arg-type]
