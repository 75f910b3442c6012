"""Response readers side by side: ours, h11's, and made-up responses for both."""

from __future__ import annotations

import itertools

import h11
from hypothesis import strategies as st

from core_backend.sources.http.messages import Broken, ResponseReader

__all__ = [
    "BROKEN",
    "CUTS",
    "MORE",
    "as_h11_reads",
    "as_we_read",
    "assert_not_laxer",
    "damage",
    "damaged_responses",
    "responses",
]

MORE = "not whole yet"
BROKEN = "refused"


def as_we_read(data, cuts=()):
    """Return the status, headers and body read from ``data`` in pieces, and what was left over."""
    reader = ResponseReader()
    edges = sorted({*(min(cut, len(data)) for cut in cuts), len(data)} - {0})
    for start, end in itertools.pairwise([0, *edges]):
        try:
            response = reader.feed(data[start:end])
        except Broken:
            return BROKEN
        if response is not None:
            return (
                response.status,
                response.headers,
                bytes(response.body),
                response.keep_alive,
                end,
            )
    return MORE


def as_h11_reads(data):
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    connection.send(h11.Request(method="POST", target="/", headers=[("host", "a")]))
    connection.send(h11.EndOfMessage())
    try:
        connection.receive_data(data)
        head, body = connection.next_event(), b""
        while isinstance(head, h11.InformationalResponse):
            head = connection.next_event()
        if head is h11.NEED_DATA:
            return MORE
        while (event := connection.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.EndOfMessage):
                assert not event.headers
                alive = connection.their_state is not h11.MUST_CLOSE
                return head, body, alive, connection.trailing_data[0]
            body += event.data
    except h11.RemoteProtocolError:
        return BROKEN
    return MORE


def assert_not_laxer(data, cuts=()):
    ours = as_we_read(data, cuts)
    if ours == BROKEN:
        return
    theirs = as_h11_reads(data)
    if ours == MORE:
        # Waiting for more of what is whole would last until the timeout.
        assert theirs in (MORE, BROKEN)
        return
    assert theirs not in (MORE, BROKEN)
    status, headers, body, keep_alive, end = ours
    head, their_body, alive, rest = theirs
    assert (status, body) == (head.status_code, their_body)
    assert len(data) - len(rest) == end
    assert keep_alive <= alive
    for name, value in head.headers:
        # In lower case, since h11 writes a coding's name so.
        assert value.decode("latin-1").lower() in headers[name.decode()].lower()


SIZES = st.integers(0, 300)
BODIES = st.binary(max_size=300)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True).filter(
    lambda name: (
        name.lower() not in {"content-length", "transfer-encoding", "connection", "upgrade"}
    )
)
VALUES = st.from_regex(r"([!-~]([ -~]{0,20}[!-~])?)?", fullmatch=True)
CUTS = st.lists(SIZES, max_size=6)


def in_chunks(body, cuts):
    edges = sorted({*(min(cut, len(body)) for cut in cuts), len(body)} - {0})
    pieces = [body[start:end] for start, end in itertools.pairwise([0, *edges])]
    return b"".join(b"%X\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


@st.composite
def responses(draw):
    """Draw a response as a server in good order sends it."""
    body = draw(BODIES)
    headers = draw(st.lists(st.tuples(NAMES, VALUES), max_size=5))
    if draw(st.booleans()):
        headers.append(("Content-Length", str(len(body))))
    else:
        headers.append(("Transfer-Encoding", draw(st.sampled_from(["chunked", "Chunked"]))))
        body = in_chunks(body, draw(CUTS))
    if draw(st.booleans()):
        headers.append(("Connection", draw(st.sampled_from(["close", "keep-alive", "a, Close"]))))
    status = draw(st.integers(200, 599).filter(lambda status: status not in {204, 304}))
    version = draw(st.sampled_from(["1.1", "1.1", "1.0"]))
    lines = "".join(
        f"{name}:{draw(st.sampled_from(['', ' ']))}{value}\r\n" for name, value in headers
    )
    reason = draw(st.sampled_from(["", " ", " OK", " Not quite"]))
    return f"HTTP/{version} {status}{reason}\r\n{lines}\r\n".encode() + body


ODD = (
    *(b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b":", b";", b",", b"\0", b"\xff", b"0"),
    *(b"1", b"-1", b"+5", b"0x5", b"_", b"5, 5", b"99999999999999999999"),
    *(b"Content-Length: 5\r\n", b"Content-Length: 6\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(b"Transfer-Encoding: gzip, chunked\r\n", b"Connection: close\r\n", b" folded\r\n"),
    *(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 ", b"HTTP/2 ", b"0\r\nTrailer: x\r\n\r\n"),
)


def damage(data, random):
    """Replace up to four short parts of a response by odd or random bytes."""
    for _ in range(random.randint(1, 4)):
        at = random.randint(0, len(data))
        until = random.randint(at, min(len(data), at + 10))
        odd = random.choice((*ODD, bytes(random.randint(0, 255) for _ in range(3))))
        data = data[:at] + odd + data[until:]
    return data


def damaged_responses():
    """Draw a response to which something was done."""
    return st.builds(damage, responses(), st.randoms(use_true_random=False))
