"""A function with secrets fetched while it starts, whose environment is then snapshotted."""

import gc
import os
import sys

import snapshot_restore_py

seen = []


# Hooks run in the reverse order of their registration. This one is registered before the package is
# imported, so it fetches a secret after the package's own hook has run.
@snapshot_restore_py.register_before_snapshot
def prime():
    get_secret("db").result()
    seen.append(values_in_memory())
    # At the front, so that it runs last.
    snapshot_restore_py.get_before_snapshot().insert(0, (look, (), {}))


def look():
    gc.collect()
    seen.append(values_in_memory())


def values_in_memory():
    """Count the texts that hold the mark, wherever the garbage collector can get to."""
    # Backwards in the environment, so as not to be found there.
    mark = os.environ["KRAM"][::-1]
    # Python 3.12's _asyncio shows what it has freed, which would be freed again; what it holds is
    # found by other ways.
    known = {id(mark), id(sys.modules["_asyncio"])}
    found = 0
    waiting = gc.get_objects()
    while waiting:
        thing = waiting.pop()
        if id(thing) in known:
            continue
        known.add(id(thing))
        if isinstance(thing, str):
            found += mark in thing
        elif isinstance(thing, bytes | bytearray):
            found += mark.encode() in thing
        else:
            waiting.extend(gc.get_referents(thing))
    return found


from core_backend import SecretError, SecretName, async_handler, get_secret, get_secrets  # noqa: E402

kept = get_secret("db")
batch = get_secrets("db", SecretName("LOGIN", parse=len), "absent")
try:
    batch.result()
except SecretError as error:
    failed = error
fresh = get_secret("db", fresh=True)
fresh.result()
seen.append(values_in_memory())


@async_handler(prefetch=["db"])
async def handler(event, context):
    return {"seen": seen, "right": await kept == os.environ["DETCEPXE"][::-1]}
