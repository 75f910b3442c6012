"""Handlers called as Lambda calls them."""

from __future__ import annotations

import threading
from typing import Any


def call(handler: Any, event: object = None, context: object = None) -> Any:
    """Call a handler where no loop is running, as Lambda's client does."""
    result: list[Any] = []

    def run() -> None:
        try:
            result.append(handler(event, context))
        except BaseException as error:  # noqa: BLE001  # handed to the test as it is
            result.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]
