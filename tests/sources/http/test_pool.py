"""The connections kept: as many as allowed, as long as they are good, each for one at a time."""

from __future__ import annotations

import asyncio

import pytest
from support.certificates import Certificates
from support.faults import (
    AtConnect,
    Held,
    close_after,
    huge,
    longer_than_told,
    raw,
    reset,
    reset_mid_body,
    reset_mid_header,
    silent,
    truncated,
)
from support.scripted import until
from support.secret_service import SecretService

from core_backend._configuration import Settings
from core_backend.sources.endpoints import Endpoint
from core_backend.sources.http.messages import Broken, Mistaken, request_bytes
from core_backend.sources.http.pool import Pool, TooSlow
from core_backend.testing.clock import FakeClock

ASK = request_bytes("POST", "/", {"host": "a"}, b"{}")


@pytest.fixture(scope="module")
def certificates():
    return Certificates()


@pytest.fixture
def service(certificates):
    with SecretService(certificates=certificates) as running:
        yield running


class World:
    """A pool at a service, and a clock that a test moves."""

    def __init__(self, service, **settings):
        self.service = service
        self.clock = FakeClock()
        # Long enough for a machine that has other things to do.
        self.settings = Settings().replace(connect_timeout=5, read_timeout=5).replace(**settings)
        self.pool = Pool(self.settings, self.clock, service.environ)
        self.endpoint = Endpoint("127.0.0.1", service.port, tls=True)

    def set(self, **settings):
        self.pool._settings = self.lane._settings = self.settings.replace(**settings)

    async def ask(self, endpoint=None, read=lambda response: response.status):
        return await self.pool.exchange(endpoint or self.endpoint, lambda: ASK, read)

    @property
    def lane(self):
        return self.pool._lane(self.endpoint)

    def asking(self, count):
        return [asyncio.create_task(self.ask()) for _ in range(count)]

    @property
    def connections(self):
        return [call.connection for call in self.service.calls]


@pytest.fixture
def world(service):
    worlds = []

    def make(**settings):
        worlds.append(World(service, **settings))
        return worlds[-1]

    yield make
    for one in worlds:
        one.pool.close()


async def test_a_connection_is_used_again_as_long_as_it_is_not_old(world):
    w = world(idle_timeout=12)
    for _ in range(3):
        await w.ask()
        w.clock.advance(11.9)
    assert w.connections == [1, 1, 1]
    w.clock.advance(0.2)
    await w.ask()
    assert w.connections == [1, 1, 1, 2]
    w.service.wait_for_open(1)


@pytest.mark.parametrize("pass_time", [FakeClock.freeze, FakeClock.advance_monotonic])
async def test_each_clock_makes_it_old(world, pass_time):
    w = world(idle_timeout=12)
    await w.ask()
    pass_time(w.clock, 13)
    await w.ask()
    assert w.connections == [1, 2]


async def test_a_wall_clock_that_went_back_makes_it_old(world):
    w = world()
    await w.ask()
    w.clock.advance_wall(-1)
    await w.ask()
    assert w.connections == [1, 2]


async def test_without_an_idle_time_none_is_kept(world):
    w = world(idle_timeout=0)
    await w.ask()
    await w.ask()
    assert w.connections == [1, 2]


async def test_never_more_are_open_than_allowed_and_all_are_served(world):
    w = world(max_connections=7)
    w.service.latency = 0.002
    assert await asyncio.gather(*w.asking(60)) == [400] * 60
    assert w.service.most_open == w.service.connections == 7


async def test_the_last_one_used_is_used_first(world):
    w = world()
    held = Held()
    w.service.script(held)
    [first] = w.asking(1)
    await w.service.arrived(1)
    await w.ask()
    held.release()
    await first
    w.service.forget()
    await w.ask()
    assert w.connections == [1]


async def test_few_are_opened_at_once(world):
    w = world(max_connections=50)
    w.service.always(AtConnect.BLACK_HOLE)
    asking = w.asking(20)
    await until(lambda: w.service.open_connections == 4)
    assert w.lane._dials == len(w.lane._waiters) / 4 == 4
    for task in asking:
        task.cancel()
    await asyncio.wait(asking)
    assert w.service.connections == 4
    w.service.wait_for_open(0)


async def test_who_waits_for_an_opening_takes_what_is_free_first(world):
    w = world(max_connections=50)
    w.service.script(*[AtConnect.BLACK_HOLE] * 3)
    stuck = w.asking(3)
    await until(lambda: w.service.open_connections == 3)
    # One at a time is opened beside them.
    assert await asyncio.gather(*w.asking(20)) == [400] * 20
    assert not any(task.done() for task in stuck)
    for task in stuck:
        task.cancel()
    await asyncio.wait(stuck)


@pytest.mark.parametrize("fault", [reset, close_after, raw(b"")])
async def test_the_end_of_a_used_connection_is_answered_by_a_new_one_at_once(world, fault):
    w = world()
    await w.ask()
    w.service.script(reset if fault is close_after else fault)
    if fault is close_after:
        w.service.forget()
        w.service.close_connections()
    assert await w.ask() == 400
    assert w.connections[-1] == 2
    assert len(w.connections) <= 3


@pytest.mark.parametrize(
    "fault",
    [
        huge,
        longer_than_told,
        raw(b"H"),
        raw(b"SSH-2.0-OpenSSH\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nno header\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000),
        reset_mid_body,
        reset_mid_header,
        truncated,
    ],
)
async def test_an_answer_that_began_is_an_answer_on_a_used_connection_too(world, fault):
    w = world()
    await w.ask()
    w.service.script(fault)
    with pytest.raises(Broken):
        await w.ask()
    assert w.connections == [1, 1]


async def test_those_that_ended_while_idle_are_all_dropped_untried(world):
    w = world()
    held = [Held(), Held()]
    w.service.script(*held)
    asking = w.asking(2)
    await w.service.arrived(2)
    for one in held:
        one.release()
    await asyncio.gather(*asking)
    w.service.close_connections()
    await w.ask()
    assert w.connections[-1] == 3
    assert len(w.lane._idle) == 1


async def test_that_of_a_new_one_is_not_nor_a_second(world):
    w = world()
    w.service.script(reset)
    with pytest.raises(Broken, match=r"127.0.0.1:\d+: the connection (broke|ended)"):
        await w.ask()
    assert len(w.connections) == 1
    await w.ask()
    w.service.script(reset, reset)
    with pytest.raises(Broken):
        await w.ask()
    assert w.connections == [1, 2, 2, 3]


async def test_the_second_try_is_on_none_of_the_others_that_idled(world):
    w = world()
    await asyncio.gather(*w.asking(3))
    opened = w.service.connections
    w.service.script(reset)
    await w.ask()
    assert w.connections[-1] == opened + 1


async def test_an_answer_that_does_not_come_ends_those_that_idle_too(world):
    w = world()
    await asyncio.gather(*w.asking(4))
    w.set(read_timeout=0.05)
    w.service.script(silent)
    with pytest.raises(TooSlow, match=r"127.0.0.1:\d+: no answer within 0.05 s"):
        await w.ask()
    w.service.wait_for_open(0)
    before = w.service.connections
    w.set(read_timeout=5)
    await w.ask()
    assert w.connections[-1] == before + 1


async def test_a_connection_that_does_not_come_about_is_given_up(world):
    w = world(connect_timeout=0.05)
    w.service.script(AtConnect.BLACK_HOLE)
    with pytest.raises(TooSlow, match="no connection within 0.05 s"):
        await w.ask()
    w.service.wait_for_open(0)
    w.set(connect_timeout=5)
    await w.ask()


@pytest.mark.parametrize("most", [1, 50])
async def test_an_endpoint_that_never_answers_takes_no_room_from_another(world, certificates, most):
    w = world(max_connections=most)
    w.service.always(AtConnect.BLACK_HOLE)
    stuck = w.asking(30)
    await until(lambda: w.service.open_connections == min(most, 4))
    with SecretService(certificates=certificates) as other:
        healthy = Endpoint("127.0.0.1", other.port, tls=True)
        assert await asyncio.gather(*(w.ask(healthy) for _ in range(30))) == [400] * 30
    assert not any(task.done() for task in stuck)
    for task in stuck:
        task.cancel()
    await asyncio.wait(stuck)


async def test_a_new_connection_takes_the_place_of_the_one_that_idled_longest(world):
    w = world(max_connections=2)
    first, second = await w.lane.acquire(), await w.lane.acquire()
    w.lane.release(first)
    w.lane.release(second)
    third = await w.lane.acquire(new=True)
    assert (first.closed, second.closed) == (True, False)
    assert third not in (first, second)
    w.lane.release(third)


def is_of_another(response):
    raise Mistaken("it is another's")


async def test_an_answer_to_another_request_is_asked_for_again_on_a_new_connection(world):
    w = world()
    await asyncio.gather(*w.asking(2))
    reads = []

    def read(response):
        reads.append(response.status)
        return is_of_another(response) if len(reads) == 1 else response.status

    assert await w.ask(read=read) == 400
    assert w.connections[-1] == 3
    w.service.wait_for_open(2)


async def test_another_such_answer_on_the_new_connection_is_an_error(world):
    w = world()
    await w.ask()
    with pytest.raises(Mistaken, match=r"127.0.0.1:\d+: it is another's"):
        await w.ask(read=is_of_another)
    assert w.connections == [1, 1, 2]
    w.service.wait_for_open(0)


async def test_an_error_of_the_reader_leaves_the_connection_as_it_is(world):
    w = world()
    with pytest.raises(ZeroDivisionError):
        await w.ask(read=lambda response: 1 / 0)
    await w.ask()
    assert w.connections == [1, 1]


async def test_who_stops_waiting_gives_the_turn_to_the_next(world):
    w = world(max_connections=1)
    held = Held()
    w.service.script(held)
    [first] = w.asking(1)
    await w.service.arrived(1)
    second, third, fourth = w.asking(3)
    await asyncio.sleep(0)
    second.cancel()
    # It is the third's turn now, which it never learns of.
    w.lane._wake_one()
    third.cancel()
    await asyncio.wait([second, third])
    held.release()
    assert await asyncio.gather(first, fourth) == [400, 400]
    assert second.cancelled()
    assert third.cancelled()
    assert w.connections == [1, 1]


async def test_closing_ends_those_that_use_and_those_that_wait(world):
    w = world(max_connections=2)
    w.service.script(silent)
    [using] = w.asking(1)
    await w.service.arrived(1)
    w.service.always(AtConnect.BLACK_HOLE)
    opening, waiting = w.asking(2)
    await until(lambda: w.service.open_connections == 2)
    w.pool.close()
    for task in (using, waiting):
        with pytest.raises(Broken, match="was closed"):
            await task
    opening.cancel()
    await asyncio.wait([opening])
    with pytest.raises(Broken, match="was closed"):
        await w.ask()
    w.service.wait_for_open(0)


async def test_what_comes_about_after_closing_is_closed(world):
    w = world()
    [asking] = w.asking(1)
    await asyncio.sleep(0)
    w.pool.close()
    with pytest.raises(Broken, match="was closed"):
        await asking
    w.service.wait_for_open(0)


async def test_an_answer_that_came_as_the_pool_was_closed_is_still_given(world):
    w = world()
    await w.ask()
    held = Held()
    w.service.script(held)
    [asking] = w.asking(1)
    await w.service.arrived(2)
    w.lane._closed = True
    held.release()
    assert await asking == 400
    w.service.wait_for_open(0)
