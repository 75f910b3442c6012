"""Signals, finalizers and starts that fail in a process of their own: rows 31 to 34.

Each program is watched: one that waits for ever writes where each thread stands, and is ended.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

BEGINNING = """
import faulthandler, gc, random, resource, signal, sys, threading, weakref
faulthandler.dump_traceback_later(100, exit=True)

from core_backend import SecretUnavailableError, clear_secrets, get_secret
from core_backend._configuration import Settings
from core_backend._engine import process
from core_backend.sources import SecretValue
from core_backend.values import SecretText

class Source:
    def check(self, request): pass
    async def fetch(self, request):
        return SecretValue(SecretText("pl4nted-" + request.secret_id), "v")
    async def warm(self): pass
    async def aclose(self): pass

def replaced():
    return process.replaced(source=Source(), settings=Settings())

def get(secret):
    return get_secret(secret).result()
"""

# A signal handler or a finalizer asks in the middle of each import that a first secret takes.
IMPORTING = """
import sys
from core_backend import SecretUnavailableError, get_secret

waiting = {
    "core_backend._engine.store",
    "core_backend._engine.delivery",
    "core_backend.sources.direct",
    "core_backend.sources.endpoints",
    "core_backend.sources.http",
}

def interrupt(event, args):
    if event == "import" and args[0] in waiting:
        waiting.remove(args[0])
        ask()

def ask():
    try:
        get_secret("a").result()
    except SecretUnavailableError:
        pass

sys.addaudithook(interrupt)
ask()
assert not waiting, waiting
"""

# Between the rounds, what was interrupted is tried again: it must work at once.
RAISING = """
class Interruption(BaseException): pass

def interrupt(*_):
    raise Interruption

signal.signal(signal.SIGALRM, interrupt)
chance = random.Random(int(sys.argv[1]))
interrupted = 0
for thread_is_new in [False] * 40 + [True] * 120:
    with replaced():
        if not thread_is_new:
            get("a")
            clear_secrets()
        for _ in range(1 if thread_is_new else 10):
            try:
                longest = 1e-3 if thread_is_new else 3e-4
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-5, longest))
                try:
                    get("a")
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except Interruption:
                interrupted += 1
            except SecretUnavailableError:
                # Python's own Condition made another error of the interruption.
                assert thread_is_new
            assert get("a") == "pl4nted-a"
            clear_secrets()
assert interrupted > 20, interrupted
"""

# A handler that waits for a secret gets it, or is told that it cannot wait here.
WAITING = """
outcomes = set()

def handle(*_):
    try:
        outcomes.add(get(f"b{chance.randrange(3)}"))
    except SecretUnavailableError as error:
        outcomes.add(type(error))

signal.signal(signal.SIGALRM, handle)
chance = random.Random(int(sys.argv[1]))
with replaced():
    for _ in range(2000):
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-5, 3e-4))
        assert get("a") == "pl4nted-a"
        assert get("b1") == "pl4nted-b1"
        clear_secrets()
    signal.setitimer(signal.ITIMER_REAL, 0)
assert outcomes >= {"pl4nted-b0", "pl4nted-b2"}, outcomes
assert outcomes <= {"pl4nted-b0", "pl4nted-b1", "pl4nted-b2", SecretUnavailableError}, outcomes
"""

# Garbage that asks, collected at every few allocations, on every thread.
FINALIZING = """
outcomes = set()

class Garbage:
    def __init__(self):
        self.me = self
    def __del__(self):
        try:
            outcomes.add(get("b"))
        except SecretUnavailableError as error:
            outcomes.add(type(error))
        if chance.random() < 0.3:
            clear_secrets()

chance = random.Random(int(sys.argv[1]))
with replaced():
    get("a")
    clear_secrets()
    gc.set_threshold(chance.randrange(2, 20))
    for _ in range(600):
        Garbage()
        assert get("a") == "pl4nted-a"
        clear_secrets()
    gc.set_threshold(0)
    Garbage()
    gc.collect()
assert "pl4nted-b" in outcomes, outcomes
assert outcomes <= {"pl4nted-b", SecretUnavailableError}, outcomes
"""

DESCRIPTORS = """
with replaced():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
    handles = [get_secret("a") for _ in range(3)]
    for handle in handles:
        try:
            handle.result()
        except SecretUnavailableError as error:
            assert "Too many open files" in str(error), error
        else:
            raise AssertionError("it started")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert get("a") == "pl4nted-a"
    assert handles[0].result() == "pl4nted-a"

    # The thread runs, and the source can neither import a module nor open a connection.
    class Unconnected(Source):
        async def fetch(self, request):
            if request.secret_id == "b":
                import wave
            return await super().fetch(request)

    import cachetools  # so that failures can be remembered, which these must not be
    with process.replaced(source=Unconnected(), settings=Settings()):
        assert get("a") == "pl4nted-a"
        assert "wave" not in sys.modules
        resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
        for fresh in (False, True):
            try:
                get_secret("b", fresh=fresh).result()
            except SecretUnavailableError as error:
                assert "no file descriptor is left" in str(error), error
            else:
                raise AssertionError("it connected")
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert get("b") == "pl4nted-b"

with process.replaced(settings=Settings()):
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
    try:
        get("a")
    except SecretUnavailableError as error:
        assert "(OSError: [Errno 24]" in str(error), error
    else:
        raise AssertionError("its source was imported")
"""

# At the very end no thread can start; a finalizer that asks is told, and the process ends.
SHUTDOWN = """
class Last:
    def __del__(self, get=get, error=SecretUnavailableError, write=sys.__stdout__.write):
        try:
            get("a")
        except error as refusal:
            write("refused")

process.get_store().choose = lambda *_: (Source(), "given", "")
assert get("b") == "pl4nted-b"
last = Last()
"""


def run_python(program, *arguments):
    # Not under coverage: on Python 3.11 its tracer has a lock, which an interruption would hold.
    environ = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def run(program, *arguments):
    seed = os.environ.get("SEED") or str(random.randrange(2**32))
    done = run_python(BEGINNING + program, seed, *arguments)
    assert done.returncode == 0, f"SEED={seed}\n{done.stdout}\n{done.stderr[-5000:]}"
    return done


def test_row_31_a_fetch_that_has_no_descriptor_fails_at_once_and_the_next_starts():
    run(DESCRIPTORS)


def test_row_31_asking_in_the_middle_of_an_import_is_answered_or_refused(environ):
    environ.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    environ.setenv("CORE_BACKEND_ATTEMPTS", "1")
    done = run_python(IMPORTING)
    assert done.returncode == 0, done.stderr


def test_row_31_asking_at_the_end_of_the_interpreter_fails_at_once():
    assert run(SHUTDOWN).stdout == "refused"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no such signals")
@pytest.mark.parametrize("program", [RAISING, WAITING], ids=["raises", "waits"])
def test_row_32_a_signal_handler_in_the_middle_of_asking_strands_nobody(program):
    run(program)


def test_row_33_a_finalizer_that_asks_is_answered_or_refused():
    run(FINALIZING)


SUBINTERPRETER = """
from core_backend import SecretUnavailableError, get_secret
from core_backend._engine import process

class Source:
    def check(self, request): pass

process.get_store().choose = lambda *_: (Source(), "given", "")
try:
    get_secret("a").result()
except SecretUnavailableError as error:
    print(error)
"""


def test_row_34_a_subinterpreter_is_told_what_it_lacks():
    interpreters = pytest.importorskip("_interpreters", reason="subinterpreters: from Python 3.13")
    program = f"import {interpreters.__name__} as i; i.run_string(i.create(), {SUBINTERPRETER!r})"
    done = run_python(program)
    assert "could not start (RuntimeError: daemon threads are disabled in this" in done.stdout
