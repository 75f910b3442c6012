"""A function whose handler has no decorator, and which tells what its first event imported."""

import sys

from core_backend import get_secret


def handler(event, context):
    value = get_secret("one").result()
    return {"right": value == "pl4nted-1", "imported": sorted(sys.modules.keys() - known)}


known = set(sys.modules)
