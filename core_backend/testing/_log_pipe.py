"""What the processes of a function write, line by line."""

from __future__ import annotations

import os
import re
import threading
import uuid

__all__ = ["LogPipe"]

_PATIENCE = 10.0
"""How long to wait, in seconds, for what takes microseconds on a machine that is not stuck."""
_LINE_END = re.compile(r"\r\n|\n|\r")
# Shorter than PIPE_BUF, so a mark is written in one piece.
_MARK = re.compile(rb"\x00mark-[0-9a-f]{32}\x00")


class LogPipe:
    """A pipe that processes write their output to, and the lines that came out of it.

    This process holds the writing end too. What it writes there comes out behind all that others
    have written before, so a mark that has come out proves that the lines before it have.
    """

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        self._lines: list[str] = []
        self._marked = threading.Condition()
        self._marks: dict[bytes, int] = {}
        self._last = _new_mark()
        self._thread = threading.Thread(target=self._read, name="lambda-log", daemon=True)
        self._thread.start()

    def position(self) -> int:
        """Return how many lines were written until now."""
        mark = _new_mark()
        os.write(self.write_end, mark)
        with self._marked:
            self._marked.wait_for(lambda: mark in self._marks, _PATIENCE)
            return self._marks.pop(mark, len(self._lines))

    def lines(self, start: int = 0, end: int | None = None) -> tuple[str, ...]:
        """Return the lines between two positions."""
        return tuple(self._lines[start:end])

    def close(self) -> None:
        """Read what is there, and close the pipe."""
        os.write(self.write_end, self._last)
        self._thread.join()
        os.close(self.write_end)
        os.close(self._read_end)

    def _read(self) -> None:
        rest = b""
        while self._last not in rest:
            rest = self._sort(rest + os.read(self._read_end, 65_536))

    def _sort(self, data: bytes) -> bytes:
        """Keep the whole lines of ``data``, note the marks in it, and return what is left."""
        while found := _MARK.search(data):
            if found[0] == self._last:
                self._keep(data[: found.start()])
                return self._last
            self._keep(data[: found.start()])
            data = data[found.end() :]
            with self._marked:
                self._marks[found[0]] = len(self._lines)
                self._marked.notify_all()
        whole, newline, rest = data.rpartition(b"\n")
        self._keep(whole + newline)
        return rest

    def _keep(self, data: bytes) -> None:
        if data:
            text = data.decode(errors="replace").removesuffix("\n")
            # The runtime client ends the lines of one event with \r, as CloudWatch shows them.
            self._lines.extend(_LINE_END.split(text))


def _new_mark() -> bytes:
    return b"\x00mark-%s\x00" % uuid.uuid4().hex.encode()
