"""Processes that are forked with everything warm: row 20."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.faults import Held

from core_backend import async_handler, get_secret

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]


def forked(work):
    """Return the id of a child that does ``work``, and exits with 0 where that returns true."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        status = 0 if work() else 2
    finally:
        os._exit(status)


def ended_well(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def has_value(pending):
    return pending.result(timeout=20) == "pl4nted-db"


async def awaited(pending):
    return await pending == "pl4nted-db"


def test_row_20_each_child_fetches_once_over_a_connection_of_its_own(process, service):
    get_secret("db").result()
    children = [
        forked(lambda: has_value(get_secret("db")) and has_value(get_secret("db")))
        for _ in range(4)
    ]
    assert [ended_well(child) for child in children] == [True] * 4
    assert process.calls == 5
    assert len({call.connection for call in service.calls}) == 5

    # The parent's connection is as it was.
    assert has_value(get_secret("db", fresh=True))
    assert service.calls[5].connection == service.calls[0].connection
    assert service.calls[5].nth == 2


def test_row_20_a_handle_kept_from_before_the_fork_belongs_to_the_child_as_well(process):
    kept = get_secret("db")
    kept.result()
    assert ended_well(forked(lambda: all(asyncio.run(awaited(kept)) for _ in range(2))))
    assert process.calls == 2
    assert has_value(kept)
    assert process.calls == 2


def test_row_20_a_child_forked_in_mid_fetch_does_not_wait_for_its_parent(process, service):
    held = Held()
    service.script(held)
    pending = get_secret("db")
    service.wait_for_calls(1)
    assert ended_well(forked(lambda: has_value(pending)))
    assert process.calls == 2
    held.release()
    assert has_value(pending)
    assert process.calls == 2


def test_row_20_handlers_on_a_kept_loop_go_on_in_parent_and_child(process):
    @async_handler
    async def handler(event, context):
        await asyncio.sleep(0)
        return await get_secret("db") == "pl4nted-db"

    assert handler(None, None)
    assert ended_well(forked(lambda: handler(None, None) and handler(None, None)))
    assert handler(None, None)
    assert process.calls == 2


def test_row_20_a_loop_kept_by_another_thread_survives_the_fork(process):
    @async_handler
    async def handler(event, context):
        return await get_secret("db") == "pl4nted-db"

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(handler, None, None).result(20)
        # The child has no such thread, and what was that thread's goes at once.
        assert ended_well(forked(lambda: gc.collect() >= 0))
        process.clock.advance(400)
        assert thread.submit(handler, None, None).result(20)
    assert process.calls == 2


THROWN_AWAY = """
    from core_backend._engine import portal, process
    process._left_behind.clear()
    portal._left_behind.clear()
    gc.collect()
    os._exit(0)
"""


@pytest.mark.parametrize("ending", ["sys.exit()", THROWN_AWAY], ids=["exit", "thrown away"])
def test_row_20_however_a_child_ends_it_takes_nothing_of_its_parents(
    service, environ, source, ending
):
    program = f"""
import gc, os, sys, warnings
warnings.simplefilter("ignore")  # that a process with threads forks is the point
from core_backend import async_handler, get_secret

@async_handler
async def handler(event, context):
    return await get_secret("db") == os.environ["EXPECTED"]

assert handler(None, None)
if os.fork() == 0:
    {ending}
assert os.wait()[1] == 0
assert handler(None, None)
"""
    environ.setenv("CORE_BACKEND_SOURCE", source)
    environ.setenv("CORE_BACKEND_TTL", "0")
    environ.setenv("EXPECTED", "pl4nted-db")
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "")
    # Thrown away by force, the SDK's connections do complain.
    assert ran.stderr == "" or ending is THROWN_AWAY
    assert [call.connection for call in service.calls] == [1, 1]


def test_row_20_each_worker_of_a_managed_instance_fetches_once(deployed, service, fingerprint):
    function = deployed("reader.handler", concurrency=4)
    held = [Held() for _ in range(4)]
    service.script(*held)
    with ThreadPoolExecutor(4) as callers:
        results = [callers.submit(function.invoke, {"read": ["db"]}) for _ in range(4)]
        service.wait_for_calls(4)
        for gate in held:
            gate.release()
        payloads = [result.result().payload for result in results]
        more = [callers.submit(function.invoke, {"read": ["db"]}) for _ in range(12)]
        payloads += [result.result().payload for result in more]
    assert {tuple(payload["values"]) for payload in payloads} == {(fingerprint("pl4nted-db"),)}
    assert len({payload["pid"] for payload in payloads}) == 4
    assert len(service.calls) == 4
    assert len({call.connection for call in service.calls}) == 4
