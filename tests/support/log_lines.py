"""A handler that keeps what it would write, for tests of what comes to be written."""

from __future__ import annotations

import contextlib
import logging


class Written(logging.Handler):
    """Keeps its lines, and the records it was given."""

    def __init__(self, formatter=None):
        # What asyncio and the SDK have to say about themselves is no concern of these tests.
        super().__init__(logging.INFO)
        self.setFormatter(formatter)
        self.lines = []
        self.records = []

    def emit(self, record):
        self.records.append(record)
        self.lines.append(self.format(record))

    @property
    def text(self):
        return "\n".join(self.lines)


@contextlib.contextmanager
def handling(logger=logging.root, formatter=None):
    """Have a handler of this kind on a logger, in the block."""
    handler = Written(formatter)
    logger.addHandler(handler)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
