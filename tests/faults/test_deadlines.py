"""No answer within the deadline: row 12."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest
from support import faults
from support.black_hole import swallowing_syns
from support.faults import AtConnect

from core_backend import SecretError, SecretTimeoutError, get_secret
from core_backend._remaining import remaining_millis

DEADLINE = 0.4
PROMISE = 0.1
"""By how much a deadline may be missed, on a machine that does what it is asked to in time."""


@pytest.fixture
def settings():
    return {"connect_timeout": 0.12, "read_timeout": 0.12, "timeout": DEADLINE}


async def warmed_up(process):
    """Have a connection made, however long that takes with everything being loaded."""
    for _ in range(20):
        with contextlib.suppress(SecretError):
            return await get_secret("db")
        process.clock.advance(60)
    raise AssertionError("the machine is too slow for this test")


class Watch:
    """How long a block took, and how late timers came on this loop and the private one meanwhile.

    What a busy machine adds to a deadline it adds to these timers as well.
    """

    def __init__(self, process):
        self._portal = process.store._portal
        self._ticking = True
        self._late = [0.0, 0.0]

    async def __aenter__(self):
        self._mine = asyncio.create_task(self._tick(0))
        if self._portal is not None:
            self._portal.spawn(lambda: self._tick(1))
        self._began = time.monotonic()
        return self

    async def __aexit__(self, *_):
        self._took = time.monotonic() - self._began
        self._ticking = False
        await self._mine

    @property
    def took(self):
        """Seconds, without those that the machine was late by."""
        return self._took - sum(self._late)

    async def _tick(self, which):
        while self._ticking:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            late = time.monotonic() - before - 0.005
            self._late[which] = max(self._late[which], late)


@pytest.mark.parametrize(
    ("fault", "calls"),
    [
        (faults.stall, (1, 3)),
        (faults.silent, (1, 3)),
        (faults.trickle(0.02), (1, 3)),
        (AtConnect.BLACK_HOLE, (0, 0)),
    ],
    ids=["stall after the header", "no answer", "trickle", "no handshake"],
)
async def test_row_12_no_answer_ends_in_time(process, service, fault, calls):
    await warmed_up(process)
    service.close_connections()
    service.forget()
    service.always(fault)
    async with Watch(process) as watch:
        with pytest.raises(SecretTimeoutError, match="'slow'"):
            await get_secret("slow")
    assert calls[0] <= process.calls <= calls[1]
    assert watch.took <= DEADLINE + PROMISE


async def test_row_12_an_address_that_swallows_connections_ends_in_time(process, service, environ):
    with swallowing_syns() as port:
        environ.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"https://127.0.0.1:{port}")
        with contextlib.suppress(SecretError):
            await get_secret("db")  # with everything being loaded
        async with Watch(process) as watch:
            with pytest.raises(SecretTimeoutError, match="'slow'"):
                await get_secret("slow")
    assert process.calls == 0
    assert watch.took <= DEADLINE + PROMISE


async def test_row_12_what_is_left_of_the_invocation_is_the_deadline(process, service):
    await warmed_up(process)
    service.forget()
    service.always(faults.silent)
    end = time.monotonic() + 0.6
    with left_of_the_invocation(lambda: int((end - time.monotonic()) * 1000)):
        async with Watch(process) as watch:
            with pytest.raises(SecretTimeoutError, match="'slow'"):
                await get_secret("slow")
    assert process.calls <= 1
    assert watch.took <= 0.1 + PROMISE


@contextlib.contextmanager
def left_of_the_invocation(millis):
    token = remaining_millis.set(millis)
    try:
        yield
    finally:
        remaining_millis.reset(token)
