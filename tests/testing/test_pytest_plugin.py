"""Every test starts anew, whatever the one before it left, also in several processes and loops."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from core_backend._engine import process
from core_backend.testing import FakeClock, FakeContext, FakeSecrets

if TYPE_CHECKING:
    from pathlib import Path

BLEEDING = """
import asyncio
import pytest
from core_backend import SecretNotFoundError, configure, get_secret, secrets_info
from core_backend.testing import FakeContext, fake_secrets

@pytest.fixture(scope="session")
def fakes():
    with fake_secrets({"a": "value"}) as served:
        yield served

# While pytest collects.
import contextlib
imported = contextlib.ExitStack()
early = imported.enter_context(fake_secrets({"early": "value"}))
get_secret("early").result()

def test_what_was_cached_while_tests_were_collected_is_forgotten():
    get_secret("early").result()
    assert early.calls == ["early", "early"]
    imported.close()

@pytest.mark.asyncio(loop_scope="LOOP")
@pytest.mark.parametrize("number", range(4))
async def test_a_value_is_fetched_in_every_test(fakes, number):
    before = len(fakes.calls)
    assert await get_secret("a") == "value"
    assert len(fakes.calls) == before + 1
    with pytest.raises(SecretNotFoundError):
        await get_secret("b")
    assert len(fakes.calls) == before + 2
    assert secrets_info().fetches == 2

@pytest.mark.asyncio(loop_scope="LOOP")
@pytest.mark.parametrize("number", range(2))
async def test_fixtures(fake_secrets, fake_clock, lambda_context, number):
    assert not fake_secrets
    fake_secrets["a"] = f"value {number}"
    assert await get_secret("a") == f"value {number}"
    fake_clock.advance(1_000)
    assert await get_secret("a") == f"value {number}"
    assert fake_secrets.calls == ["a", "a"]
    assert 0 < lambda_context.get_remaining_time_in_millis() <= 30_000

@pytest.mark.parametrize("number", range(2))
def test_the_environment_is_read_in_every_test(monkeypatch, number):
    monkeypatch.setenv("CORE_BACKEND_TTL", str(number))
    with fake_secrets({"a": "value"}) as served:
        get_secret("a").result()
        get_secret("a").result()
    assert len(served.calls) == 2 - number
"""
LEAVING = """
from core_backend import get_secret
from core_backend.testing import fake_secrets

left_open = fake_secrets({"a": "value"})

def test_that_leaves_a_thread():
    left_open.__enter__()
    assert get_secret("a").result() == "value"
"""
CONFIGURED = """
import pytest
from core_backend import configure, get_secret

@pytest.mark.parametrize("number", range(2))
def test_that_configures(fake_secrets, fake_clock, number):
    import configuring
    fake_secrets["a"] = "value"
    with configure(ttl=10):
        for _ in range(2):
            get_secret("a").result()
            fake_clock.advance(11)
    get_secret("a").result()
    fake_clock.advance(301)
    get_secret("a").result()
    # The module's 1000 seconds are in force: neither the 10 of the block nor the usual 300.
    assert len(fake_secrets.calls) == 2
"""
# After the last test, before anything is closed at exit.
NOTHING_LEFT = """
import threading

def pytest_sessionfinish():
    assert "core_backend" not in {thread.name for thread in threading.enumerate()}
"""


def run(folder: Path, *options: str, **files: str) -> str:
    (folder / "pytest.ini").write_text(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\n", encoding="utf-8"
    )
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("options", [("function", "-n0"), ("session", "-n2"), ("module", "-n0")])
def test_no_test_bleeds_into_another(tmp_path, options):
    loop, *arguments = options
    output = run(tmp_path, *arguments, test_bleeding=BLEEDING.replace("LOOP", loop))
    assert "9 passed" in output


def test_nothing_is_left_open_by_a_test(tmp_path):
    assert "1 passed" in run(tmp_path, conftest=NOTHING_LEFT, test_leaving=LEAVING)


def test_what_a_module_configures_stays_and_what_a_test_does_ends_with_its_block(tmp_path):
    configuring = "from core_backend import configure\nconfigure(ttl=1000, jitter=0)\n"
    arguments = ("-p", "no:cacheprovider", "-o", "pythonpath=.")
    assert "2 passed" in run(
        tmp_path, *arguments, configuring=configuring, test_configured=CONFIGURED
    )


def test_the_fixtures_are_there(fake_secrets, fake_clock, lambda_context):
    assert type(fake_secrets) is FakeSecrets
    assert type(fake_clock) is FakeClock
    assert type(lambda_context) is FakeContext
    assert process.get_store().clock is fake_clock
