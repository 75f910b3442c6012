"""Names are looked up by threads that hold up nothing."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading

import pytest

from core_backend.sources.http.connection import Resolver
from core_backend.sources.http.messages import Broken

ANSWER = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443))]


class Names:
    """A name service that answers when it is told to."""

    def __init__(self, answer=ANSWER):
        self.asked = []
        self.answer = answer
        self.gate = threading.Event()

    def __call__(self, host, port, *, type):  # noqa: A002  # as socket.getaddrinfo has it
        assert type == socket.SOCK_STREAM
        self.asked.append((host, port))
        assert self.gate.wait(10)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("127.0.0.1", [(socket.AF_INET, ("127.0.0.1", 1))]),
        ("::1", [(socket.AF_INET6, ("::1", 1, 0, 0))]),
        (
            "localhost",
            [(socket.AF_INET, ("127.0.0.1", 1)), (socket.AF_INET6, ("::1", 1, 0, 0))],
        ),
    ],
)
async def test_an_address_and_this_machine_are_asked_of_nobody(host, addresses):
    names = Names()
    assert Resolver(names).start(host, 1).result() == addresses
    assert not names.asked


async def test_those_who_ask_together_share_one_look_up():
    names = Names()
    resolver = Resolver(names)
    waiting = [asyncio.shield(resolver.start("a.example", 443)) for _ in range(10)]
    names.gate.set()
    assert await asyncio.gather(*waiting) == [[(socket.AF_INET, ("10.0.0.1", 443))]] * 10
    assert names.asked == [(b"a.example", 443)]
    await resolver.start("a.example", 443)
    await resolver.start("b.example", 443)
    assert len(names.asked) == 3


@pytest.mark.parametrize("answer", [[], socket.gaierror(-2, "unknown")])
async def test_a_name_without_an_address_is_broken(answer):
    names = Names(answer)
    names.gate.set()
    with pytest.raises(Broken, match="the name was not found"):
        await Resolver(names).start("a.example", 443)


async def test_the_real_one_is_asked():
    with pytest.raises(Broken, match="not found"):
        await Resolver().start(f"{'a' * 64}.invalid", 443)


async def test_who_stops_waiting_stops_nobody_and_forgetting_begins_anew():
    names = Names()
    resolver = Resolver(names)
    first = resolver.start("a.example", 443)
    impatient = asyncio.ensure_future(asyncio.shield(first))
    await asyncio.sleep(0)
    impatient.cancel()
    resolver.forget("a.example", 443)
    second = resolver.start("a.example", 443)
    assert second is not first
    names.gate.set()
    assert await first == await second
    assert names.asked == [(b"a.example", 443)] * 2


async def test_forgetting_one_name_leaves_the_others_to_their_look_ups():
    names = Names()
    resolver = Resolver(names)
    first = resolver.start("a.example", 443)
    resolver.forget("b.example", 443)
    assert resolver.start("a.example", 443) is first
    names.gate.set()
    await first


async def test_where_no_thread_can_be_started_the_look_up_fails_and_the_next_is_tried(monkeypatch):
    def exhausted(_self):
        raise RuntimeError("can't start new thread")

    names = Names()
    names.gate.set()
    resolver = Resolver(names)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", exhausted)
        with pytest.raises(Broken, match="no thread could be started"):
            await resolver.start("a.example", 443)
    assert await resolver.start("a.example", 443)


async def test_one_that_is_over_late_does_not_end_what_took_its_place():
    names, late = Names(), Names()
    resolver = Resolver(late)
    first = resolver.start("a.example", 443)
    resolver.forget("a.example", 443)
    resolver._getaddrinfo = names
    second = resolver.start("a.example", 443)
    late.gate.set()
    await first
    await asyncio.sleep(0)
    assert resolver.start("a.example", 443) is second
    names.gate.set()
    await second


async def test_what_is_found_for_nobody_is_dropped():
    names = Names()
    pending = Resolver(names).start("a.example", 443)
    pending.cancel()
    thread = thread_of_look_up()
    names.gate.set()
    thread.join(10)
    await asyncio.sleep(0)
    assert pending.cancelled()


def thread_of_look_up():
    [thread] = [one for one in threading.enumerate() if one.name == "core_backend dns"]
    return thread


def test_a_loop_that_is_gone_when_the_answer_comes_harms_nothing():
    names = Names()

    async def ask():
        Resolver(names).start("a.example", 443)

    asyncio.run(ask())
    thread = thread_of_look_up()
    names.gate.set()
    # What a thread fails with is a warning, and warnings are errors here.
    thread.join(10)


def test_a_resolver_that_never_answers_holds_up_no_exit():
    program = """
import asyncio, time
from core_backend.sources.http.connection import Resolver

async def ask():
    Resolver(lambda *_, **__: time.sleep(600)).start("a.example", 443)

asyncio.run(ask())
print("left")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == ("left\n", "")
