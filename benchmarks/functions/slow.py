"""Everything else that a handler's module imports: 200 ms of sleep, or of work."""

import os
import time

SECONDS = 0.2


def sleep():
    time.sleep(SECONDS)


def work():
    """Work as an import does: in Python, with the interpreter's lock held."""
    end = time.thread_time() + SECONDS
    while time.thread_time() < end:
        compile("value = [n for n in range(10)]\n" * 20, "made up", "exec")


{"sleep": sleep, "work": work}[os.environ["SLOW_IMPORT"]]()
