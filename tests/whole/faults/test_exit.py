"""The end of the interpreter with fetches in flight: row 28."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.faults import AtConnect, silent

# Told by a line on its standard input, a program comes to its end.
BEGINNING = """
import asyncio, os, socket, sys, threading, time
from core_backend import async_handler, get_secret, get_secrets

told = sys.stdin.readline
"""

ENDINGS = {
    "the end of the program": """
get_secrets("db", "other")
told()
""",
    "sys.exit within a loop": """
async def main():
    get_secrets("db", "other")
    await asyncio.to_thread(told)
    sys.exit()

asyncio.run(main())
""",
    "a loop that ends before its waiters": """
async def main():
    waiter = asyncio.ensure_future(asyncio.wait_for(get_secret("db"), 60))
    await asyncio.to_thread(told)

asyncio.run(main())
""",
    "a thread that still waits": """
threading.Thread(target=get_secret("db").result, daemon=True).start()
told()
""",
    "after an invocation": """
@async_handler
async def handler(event, context):
    get_secret("db")

handler(None, None)
told()
""",
    "a forked child": """
get_secret("db")
told()
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # that a process with threads forks
if os.fork():
    os.wait()
""",
}

# A minute is what any of this would take that waited for something; a slow machine takes less.
AT_ONCE = 40


@pytest.fixture
def begin(environ, source):
    """Start a program whose fetches nothing but its end will end."""
    environ.setenv("CORE_BACKEND_SOURCE", source)
    for name in ("CONNECT_TIMEOUT", "READ_TIMEOUT"):
        environ.setenv(f"CORE_BACKEND_{name}", "60")
    environ.setenv("CORE_BACKEND_TIMEOUT", "300")
    if source == "direct":
        # Off by default. The SDK's connections would wait for the server's goodbye.
        environ.setenv("PYTHONWARNINGS", "always::ResourceWarning")
    running = []

    def begin(program):
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", BEGINNING + program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def ends_in_silence(process):
    said = process.communicate("now\n", timeout=AT_ONCE)
    return (process.returncode, *said) == (0, "", "") or said


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS.keys())
def test_row_28_the_interpreter_exits_at_once_and_says_nothing(service, begin, ending):
    service.always(silent)
    process = begin(ending)
    service.wait_for_calls(1)
    assert ends_in_silence(process) is True
    assert len(service.calls) <= (2 if "other" in ending else 1)


def test_row_28_so_it_does_in_the_middle_of_a_handshake(service, begin):
    service.always(AtConnect.BLACK_HOLE)
    process = begin('get_secret("db")\ntold()')
    service.wait_for_open(1)
    assert ends_in_silence(process) is True
    assert service.calls == []


def test_row_28_so_it_does_while_a_name_is_looked_up_that_no_server_answers(
    service, environ, begin
):
    environ.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://nowhere.example")
    process = begin("""
looking = threading.Event()

def look_up(*_args, **_kwargs):
    looking.set()
    time.sleep(60)

socket.getaddrinfo = look_up
get_secret("db")
looking.wait()
told()
""")
    assert ends_in_silence(process) is True
    assert service.calls == []
