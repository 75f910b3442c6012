"""Log handlers that fetch a secret themselves, to ship what is logged."""

from __future__ import annotations

import subprocess
import sys
import textwrap

PREPARED = """
import asyncio, logging
from core_backend import SecretUnavailableError, async_handler, get_secret
from core_backend.testing import fake_secrets

class Shipping(logging.Handler):
    def emit(self, record):
        shipped.append(get_secret("shipper").result())

shipped = []
logging.basicConfig(level="DEBUG", handlers=[Shipping()])
"""


def printed_by(program):
    """Return what a process of its own prints: one that waits for itself would do so for ever."""
    done = subprocess.run(
        [sys.executable, "-c", PREPARED + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_what_asyncio_logs_of_a_new_loop_keeps_no_handler_waiting() -> None:
    printed = printed_by("""
        @async_handler
        async def handler(event, context):
            return await get_secret("key")

        with fake_secrets({"key": "k1", "shipper": "s1"}):
            print(handler({}, None), *shipped)
    """)
    assert printed[0] == "k1"
    assert set(printed[1:]) == {"s1"}


def test_what_is_logged_while_the_private_loop_starts_is_not_shipped_by_waiting_for_it() -> None:
    printed = printed_by("""
        with fake_secrets({"key": "k1", "shipper": "s1"}):
            print(get_secret("key").result(), len(shipped))
    """)
    assert printed == ["k1", "0"]


def test_on_the_thread_that_fetches_asking_fails_at_once() -> None:
    printed = printed_by("""
        from core_backend._engine import process
        from core_backend.sources import SecretValue
        from core_backend.values import SecretText

        class Logging:
            def check(self, request):
                pass

            async def fetch(self, request):
                try:
                    logging.info("fetching")
                except SecretUnavailableError as error:
                    refused.append(str(error))
                return SecretValue(SecretText("k1"), "v1")

            async def aclose(self):
                pass

        refused = []
        with process.replaced(source=Logging()):
            print(get_secret("key").result(), *refused)
    """)
    assert printed[0] == "k1"
    assert "'shipper':" in printed
    assert "thread" in printed
