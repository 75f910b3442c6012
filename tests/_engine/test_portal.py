"""The private loop and its thread."""

from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
import sys
import threading
from contextvars import ContextVar

import pytest

from core_backend._engine.portal import Portal

mine: ContextVar[str] = ContextVar("mine", default="nothing")


def test_jobs_run_on_one_daemon_thread_with_nothing_of_their_callers_context() -> None:
    portal = Portal()
    seen: list[tuple[str, bool, str]] = []
    done = threading.Semaphore(0)

    async def job() -> None:
        thread = threading.current_thread()
        seen.append((thread.name, thread.daemon, mine.get()))
        done.release()

    token = mine.set("the caller's")
    portal.spawn(job)
    portal.spawn(job)
    for _ in range(2):
        assert done.acquire(timeout=10)
    mine.reset(token)
    portal.close(None)
    assert seen == [("core_backend", True, "nothing")] * 2


@pytest.mark.filterwarnings("error")
def test_closing_does_not_wait_for_the_peer() -> None:
    portal = Portal()
    opened = threading.Event()
    transports: list[asyncio.Transport] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        async def job() -> None:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
            # What cannot be sent keeps a transport open, as a farewell without an answer does.
            transport.write(bytes(10_000_000))
            transport.close()
            transports.append(transport)
            opened.set()

        portal.spawn(job)
        assert opened.wait(10)
        portal.close(None)
    assert transports[0].get_extra_info("socket").fileno() == -1


def test_closing_cancels_what_runs_then_does_the_last_job_and_ends_the_thread() -> None:
    portal = Portal()
    order: list[str] = []
    started = threading.Event()

    async def job() -> None:
        try:
            started.set()
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            order.append("cancelled")
            raise

    async def last() -> None:
        order.append("last")

    portal.spawn(job)
    assert started.wait(10)
    portal.close(last)
    assert order == ["cancelled", "last"]
    assert not portal._thread.is_alive()
    assert portal._loop.is_closed()


def test_a_last_job_that_fails_does_not_keep_it_open() -> None:
    async def last() -> None:
        raise OSError("the connection had gone already")

    portal = Portal()
    portal.close(last)
    assert portal._loop.is_closed()


@pytest.mark.parametrize("busy", [False, True])
def test_a_job_can_wait_for_those_that_run(busy: bool) -> None:
    portal = Portal()
    order: list[str] = []
    gate = asyncio.Event()
    ended = threading.Event()

    async def job() -> None:
        await gate.wait()
        order.append("job")

    async def after() -> None:
        order.append("after")
        ended.set()

    async def open_gate() -> None:
        gate.set()

    if busy:
        portal.spawn(job)
    portal.spawn_after(after)
    portal.spawn(open_gate)
    assert ended.wait(10)
    portal.close(None)
    assert order == ["job"] * busy + ["after"]


def test_closing_cuts_off_the_jobs_and_not_what_closes_after_them() -> None:
    portal = Portal()
    order: list[str] = []
    began = threading.Event()

    async def job() -> None:
        began.set()
        try:
            await asyncio.sleep(1000)
        finally:
            order.append("job")

    async def after() -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        order.append("after")

    async def last() -> None:
        order.append("last")

    portal.spawn(job)
    portal.spawn_after(after)
    assert began.wait(10)
    portal.close(last)
    assert order == ["job", "after", "last"]


def test_the_process_exits_at_once_and_silently_with_fetches_in_flight() -> None:
    program = """
import asyncio
from core_backend import get_secret
from core_backend._engine import process

class Never:
    def check(self, request): pass
    async def fetch(self, request):
        await asyncio.sleep(1000)
    async def aclose(self): pass

process.get_store().choose = lambda *_: (Never(), "never", "")
get_secret("a")
while not process.get_store().stats.fetches: pass
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    # That a slow machine was slow is no complaint.
    complaints = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]
    assert (done.returncode, complaints) == (0, [])


def test_jobs_spawned_together_start_in_one_go() -> None:
    portal = Portal()
    order: list[str] = []
    done = threading.Semaphore(0)

    def job(name: str):
        async def run() -> None:
            order.append(f"{name} starts")
            await asyncio.sleep(0)
            order.append(f"{name} goes on")
            done.release()

        return run

    portal.spawn(job("a"), job("b"))
    for _ in range(2):
        assert done.acquire(timeout=10)
    portal.spawn(job("c"))
    assert done.acquire(timeout=10)
    portal.close(None)
    names = [f"{name} {verb}" for verb in ("starts", "goes on") for name in "ab"]
    assert order == [*names, "c starts", "c goes on"]


@pytest.mark.filterwarnings("error")
def test_one_whose_thread_cannot_start_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError):
        Portal()
    gc.collect()
