"""An address that swallows connection requests, as an unreachable network does."""

from __future__ import annotations

import contextlib
import select
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["swallowing_syns"]

_PATIENCE_MS = 50


@contextlib.contextmanager
def swallowing_syns(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Yield a port on ``host`` that answers no SYN: its queue is full, and nobody accepts."""
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.socket())
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(16):
            caller = opened.enter_context(socket.socket())
            caller.setblocking(False)  # its name says what
            caller.connect_ex(listener.getsockname())
            connecting = select.poll()
            connecting.register(caller, select.POLLOUT)
            if not connecting.poll(_PATIENCE_MS):
                yield listener.getsockname()[1]
                return
        raise AssertionError("the kernel takes every connection")
