"""In a forked child: the parent's event loops, of which the child has a copy it must not use.

Parent and child share what the kernel holds for both: the selector, and each connection. What a
finalizer takes out of the one, or says goodbye on the other, is gone for the parent as well.
"""

from __future__ import annotations

import os
import select
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

__all__ = ["leave_to_parent"]

# What must not be finalized as long as the child has anything else to do.
_left_behind: list[object] = []


def leave_to_parent(loop: asyncio.AbstractEventLoop, *, connections: bool = False) -> None:
    """Cut the child's copy of a loop off from the parent's, whatever becomes of it at exit.

    Args:
        loop: Not to be run any more by this process.
        connections: Whether to cut off what is registered with the loop as well.
    """
    _left_behind.append(loop)
    # There is no public way to it. uvloop has none, and closes nothing by finalizer.
    selector: Any = getattr(loop, "_selector", None)
    if selector is None or loop.is_closed() or not hasattr(select, "epoll"):
        return
    with select.epoll() as unshared, socket.socket() as unconnected:
        os.dup2(unshared.fileno(), selector.fileno(), inheritable=False)
        for descriptor in list(selector.get_map()) if connections else ():
            os.dup2(unconnected.fileno(), descriptor, inheritable=False)
