"""HTTP/1.1 as far as a small JSON service needs it: write a request, read a response.

There is an own reader because importing a general one takes longer than a fetch. It is strict, and
limits sizes. It reads bodies with Content-Length and in chunks, and refuses everything unusual:
folded or repeated framing headers, bare line feeds, trailers, chunk extensions, interim responses,
responses without a length, and bytes after the response. A test compares it with h11, which accepts
and reads in the same way all that this reader accepts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core_backend.values import SecretBytes

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Broken",
    "Mistaken",
    "Response",
    "ResponseReader",
    "Unanswered",
    "can_be_header",
    "request_bytes",
]

_MAX_BODY = 1_048_576
"""More than the largest value needs, whose JSON escapes may take six bytes for each of its own."""
_MAX_HEAD = 16_384
_MAX_WIRE = _MAX_HEAD + _MAX_BODY + 65_536
_NAME_CHARACTERS = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_HEX = "0123456789abcdefABCDEF"
_MAX_SIZE_LINE = 8
_STATUSES = range(200, 600)
_WITHOUT_BODY = (204, 304)


class Broken(Exception):  # noqa: N818  # what the connection is, not what the caller is told
    """A connection failed, or its answer is malformed. The message never quotes the answer."""


class Unanswered(Broken):
    """A connection ended before the first byte of an answer."""


class Mistaken(Broken):
    """An answer belongs to another request, so that the connection is out of step."""


class Response:
    """A complete response. The repr of its body shows a mask."""

    __slots__ = ("body", "headers", "keep_alive", "status")

    def __init__(
        self, status: int, headers: Mapping[str, str], body: SecretBytes, *, keep_alive: bool
    ) -> None:
        self.status = status
        self.headers = headers
        """By lower-case name."""
        self.body = body
        self.keep_alive = keep_alive
        """Whether the connection can serve another request."""


def can_be_header(text: str) -> bool:
    """Return whether ``text`` is a valid header value: visible ASCII, spaces only inside."""
    return text.isascii() and text.isprintable() and text.strip(" ") == text


def request_bytes(method: str, target: str, headers: Mapping[str, str], body: bytes) -> SecretBytes:
    """Return the bytes of a request."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"{method} {target} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n"
    return SecretBytes(head.encode() + body)


class ResponseReader:
    """Reads one response from the pieces that arrive."""

    __slots__ = ("_at", "_body", "_data", "_headers", "_keep_alive", "_length", "_status")

    def __init__(self) -> None:
        self._data = bytearray()
        self._at = 0
        """Position up to which the data have been read."""
        self._body = bytearray()
        self._status = 0
        """The status; 0 until the head has been read."""
        self._length: int | None = None
        """The body's length; ``None`` for a body in chunks."""

    @property
    def has_begun(self) -> bool:
        """Whether any data have arrived."""
        return bool(self._data)

    def feed(self, data: bytes) -> Response | None:
        """Read further data, and return the response once it is complete.

        Args:
            data: What has arrived; empty if the connection has ended.

        Raises:
            Broken: The response is malformed, or incomplete.
        """
        if not data:
            raise Broken("the connection ended before the answer did")
        self._data += data
        if len(self._data) > _MAX_WIRE:
            raise Broken("the answer is too large")
        if not self._status and not self._read_head():
            return None
        whole = self._read_chunks() if self._length is None else self._read_exactly(self._length)
        if not whole:
            return None
        if self._at != len(self._data):
            raise Broken("the answer is longer than it says")
        return Response(
            self._status, self._headers, SecretBytes(self._body), keep_alive=self._keep_alive
        )

    def clear(self) -> None:
        """Forget the data, so that a reference to the reader does not keep a value."""
        self._data = self._body = bytearray()

    def _read_head(self) -> bool:
        end = self._data.find(b"\r\n\r\n")
        if max(end, len(self._data) * (end < 0)) > _MAX_HEAD:
            raise Broken("the answer has too large a head")
        if end < 0:
            # A lenient reader would accept bare line feeds as the end. This one would wait for
            # an end that never comes.
            if self._data.count(b"\n") != self._data.count(b"\r\n"):
                raise Broken("the answer is no HTTP")
            return False
        first, *lines = self._data[:end].decode("latin-1").split("\r\n")
        self._headers = _headers(lines)
        status = _status(first)
        self._length = _length(self._headers)
        tokens = self._headers.get("connection", "").lower().split(",")
        closes = "close" in (token.strip() for token in tokens)
        self._keep_alive = first.startswith("HTTP/1.1") and not closes
        self._at = end + 4
        self._status = status
        return True

    def _read_exactly(self, length: int) -> bool:
        if len(self._data) - self._at < length:
            return False
        self._body += self._data[self._at : self._at + length]
        self._at += length
        return True

    def _read_chunks(self) -> bool:
        while True:
            end = self._data.find(b"\r\n", self._at, self._at + _MAX_SIZE_LINE + 2)
            if end < 0:
                if len(self._data) - self._at > _MAX_SIZE_LINE + 1:
                    raise Broken("the answer has a chunk of unreadable size")
                return False
            size = _chunk_size(self._data[self._at : end].decode("latin-1"))
            if len(self._body) + size > _MAX_BODY:
                raise Broken("the answer is too large")
            after = end + 2 + size
            mark = bytes(self._data[after : after + 2])
            # Half a mark is looked at too: after a bare line feed nothing may follow.
            if not b"\r\n".startswith(mark):
                raise Broken("the answer has a chunk without an end")
            if len(mark) < 2:  # noqa: PLR2004  # the rest has not arrived
                return False
            self._body += self._data[end + 2 : after]
            self._at = after + 2
            if not size:
                return True


def _status(line: str) -> int:
    version, code, space = line[:9], line[9:12], line[12:13]
    if version not in {"HTTP/1.1 ", "HTTP/1.0 "} or space not in {"", " "} or not _printable(line):
        raise Broken("the answer is no HTTP")
    if not _digits(code) or int(code) not in _STATUSES or int(code) in _WITHOUT_BODY:
        raise Broken("the answer has an unexpected status")
    return int(code)


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        value = value.strip(" \t")
        # Stripping all valid characters from a valid name leaves nothing.
        if not colon or not name or name.strip(_NAME_CHARACTERS) or not _printable(value):
            raise Broken("the answer has an unreadable header")
        name = name.lower()
        # A repeated framing header becomes a value that is refused below.
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _length(headers: Mapping[str, str]) -> int | None:
    length, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if coding is not None and (coding.lower() != "chunked" or length is not None):
        raise Broken("the answer is framed in an unknown way")
    if coding is not None:
        return None
    if length is None or not _digits(length):
        raise Broken("the answer has no length")
    # The digits are counted first, because int() refuses a very long number.
    if len(length.lstrip("0")) > len(str(_MAX_BODY)) or int(length) > _MAX_BODY:
        raise Broken("the answer is too large")
    return int(length)


def _chunk_size(text: str) -> int:
    if not text or text.strip(_HEX):
        raise Broken("the answer has a chunk of unreadable size")
    return int(text, 16)


def _printable(text: str) -> bool:
    return text.isprintable()


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
