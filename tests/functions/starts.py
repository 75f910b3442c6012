"""A function that tells what its first event had to import, and whether its secrets were right."""

import os
import sys

from core_backend import async_handler, get_secret, get_secrets, sync_handler

RIGHT = ("pl4nted-1", "pl4nted-2", "pl4nted-3")


@async_handler
async def first(event, context):
    values = await get_secrets("one", "two", "three")
    return {"right": values == RIGHT, "imported": sorted(sys.modules.keys() - known)}


@sync_handler
def first_sync(event, context):
    values = get_secrets("one", "two", "three").result()
    return {"right": values == RIGHT, "imported": sorted(sys.modules.keys() - known)}


@sync_handler
def one(event, context):
    return {"right": get_secret("one").result() == "pl4nted-1", "pid": os.getpid()}


known = set(sys.modules)

# What a function may do while its warm-up is under way.
match os.environ.get("MOOD"):
    case "raises":
        raise ZeroDivisionError("the module's own")
    case "exits":
        sys.exit("the module's own")
    case "forks":
        child = os.fork()
        if child == 0:
            handler = sync_handler(lambda event, context: get_secret(event).result())
            os._exit(handler("one", None) != "pl4nted-1")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
