"""No answer within the deadline: row 12.

Deadlines are measured in the time of the loop on which they are kept, and that time passes only
while the loop waits: what a busy machine takes to do its work, and by how much it wakes up late,
is not in it.
"""

from __future__ import annotations

import contextlib
import gc
import time

import pytest
from support import faults
from support.black_hole import swallowing_syns
from support.faults import AtConnect
from support.scripted import until

from core_backend import SecretError, SecretTimeoutError, configure, get_secret
from core_backend._clock import remaining_millis
from core_backend._engine.flight import Flight

# The SDK's connections wait for the goodbye of a server that says no more, for up to 30 s.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

DEADLINE = 0.4
PROMISE = 0.1
"""By how much a deadline may be missed."""


@pytest.fixture(params=[0.12, 60], ids=["after three attempts", "in the middle of the first"])
def settings(request):
    return {
        "connect_timeout": request.param,
        "read_timeout": request.param,
        "timeout": DEADLINE,
    }


@pytest.fixture(autouse=True)
def _nothing_is_left_to_the_next_test():
    yield
    gc.collect()


@pytest.fixture
def warm(process, service):
    """The process with its first connection made, however long that takes."""

    async def warm_up():
        with configure(timeout=60):
            for _ in range(20):
                with contextlib.suppress(SecretError):
                    await get_secret("db")
                    service.forget()
                    return
                process.clock.advance(60)
        raise AssertionError("the machine is too slow for this test")

    return warm_up


class Watch:
    """The time of a loop, which passes while it waits, and no longer than it wanted to wait."""

    def __init__(self, loop, monkeypatch):
        self.now = self._began = loop.time()
        self.took = None
        self._select = loop._selector.select
        monkeypatch.setattr(loop, "time", lambda: self.now)
        monkeypatch.setattr(loop._selector, "select", self._selected)
        land = Flight.land

        def landed(flight, *outcome):
            self.took = self.now - self._began
            land(flight, *outcome)

        monkeypatch.setattr(Flight, "land", landed)

    def _selected(self, timeout):
        began = time.monotonic()
        events = self._select(timeout)
        waited = time.monotonic() - began
        self.now += waited if timeout is None else min(waited, max(timeout, 0))
        return events


@pytest.fixture
def watch(process, monkeypatch):
    return lambda: Watch(process.store._portal._loop, monkeypatch)


@pytest.mark.parametrize(
    "fault",
    [faults.stall, faults.silent, faults.trickle(0.02)],
    ids=["stall after the header", "no answer", "trickle"],
)
async def test_row_12_no_answer_ends_in_time(process, service, warm, watch, fault):
    await warm()
    service.always(fault)
    watched = watch()
    with pytest.raises(SecretTimeoutError, match="'slow'"):
        await get_secret("slow")
    # The first goes over the connection that is there, and arrives however busy the server is.
    await service.arrived(1)
    assert process.calls <= 3
    assert watched.took <= DEADLINE + PROMISE


async def test_row_12_no_handshake_ends_in_time(process, service, warm, watch):
    await warm()
    service.close_connections()
    service.always(AtConnect.BLACK_HOLE)
    watched = watch()
    with pytest.raises(SecretTimeoutError, match="'slow'"):
        await get_secret("slow")
    assert process.calls == 0
    assert watched.took <= DEADLINE + PROMISE


async def test_row_12_an_address_that_swallows_connections_ends_in_time(process, environ, watch):
    with swallowing_syns() as port:
        environ.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"https://127.0.0.1:{port}")
        with contextlib.suppress(SecretError):
            await get_secret("db")  # with everything being loaded
        watched = watch()
        with pytest.raises(SecretTimeoutError, match="'slow'"):
            await get_secret("slow")
    assert process.calls == 0
    assert watched.took <= DEADLINE + PROMISE


async def test_row_12_what_is_left_of_the_invocation_is_the_deadline(process, service, warm, watch):
    await warm()
    service.always(faults.silent)
    watched = watch()
    token = remaining_millis.set(lambda: 600)
    try:
        with pytest.raises(SecretTimeoutError, match="'slow'"):
            await get_secret("slow")
    finally:
        remaining_millis.reset(token)
    await service.arrived(1)
    await until(lambda: watched.took is not None)
    assert process.calls == 1
    assert watched.took <= 0.1 + PROMISE
