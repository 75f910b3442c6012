"""The response reader, held against h11: what it accepts, h11 accepts too, and reads alike."""

from __future__ import annotations

import collections
import itertools

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_backend.sources.http import messages
from core_backend.sources.http.messages import Broken, ResponseReader, request_bytes

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
    ours, theirs = as_we_read(data, cuts), as_h11_reads(data)
    if ours == BROKEN:
        return
    if ours == MORE:
        # Waiting for more of what is whole would last until the timeout.
        assert theirs in (MORE, BROKEN)
        return
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


@given(responses(), CUTS)
def test_what_is_in_order_is_read_as_h11_reads_it(data, cuts):
    read = as_we_read(data, cuts)
    assert read not in (BROKEN, MORE)
    head, body, alive, rest = as_h11_reads(data)
    assert read[0] == head.status_code
    assert read[2] == body
    assert read[3] == alive
    assert rest == b""
    assert read[1].keys() == {name.decode() for name, _ in head.headers}


@given(responses(), st.data())
def test_it_reads_the_same_in_any_pieces(data, more):
    cuts = more.draw(st.lists(st.integers(0, len(data)), max_size=8))
    assert as_we_read(data, cuts) == as_we_read(data)
    assert as_we_read(data, range(len(data))) == as_we_read(data)
    assert as_we_read(data[: more.draw(st.integers(0, len(data) - 1))]) == MORE


ODD = st.sampled_from(
    [
        *(b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b":", b";", b",", b"\0", b"\xff", b"0"),
        *(b"1", b"-1", b"+5", b"0x5", b"_", b"5, 5", b"99999999999999999999"),
        *(b"Content-Length: 5\r\n", b"Content-Length: 6\r\n", b"Transfer-Encoding: chunked\r\n"),
        *(b"Transfer-Encoding: gzip, chunked\r\n", b"Connection: close\r\n", b" folded\r\n"),
        *(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 ", b"HTTP/2 ", b"0\r\nTrailer: x\r\n\r\n"),
    ]
)


@st.composite
def damaged(draw):
    """Draw a response to which something was done."""
    data = draw(responses())
    for _ in range(draw(st.integers(1, 4))):
        at, until = sorted(draw(st.tuples(st.integers(0, len(data)), st.integers(0, len(data)))))
        until = min(until, at + 10)
        data = data[:at] + draw(ODD | st.binary(max_size=3)) + data[until:]
    return data


@settings(max_examples=150)
@given(damaged(), CUTS)
def test_of_what_is_odd_it_accepts_nothing_that_h11_reads_otherwise(data, cuts):
    if data:
        assert_not_laxer(data, cuts if as_we_read(data) in (BROKEN, MORE) else ())


HEAD = b"HTTP/1.1 200 OK\r\n"
SIZED = HEAD + b"Content-Length: 2\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n\r\n\r\n",
        b"HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"ICY 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 2000\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 ²00 OK\r\nContent-Length: 0\r\n\r\n".encode("latin-1"),
        HEAD + b"\r\n",
        HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nab",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
        HEAD + b"Content-Length: +2\r\n\r\nab",
        HEAD + b"Content-Length: -2\r\n\r\nab",
        HEAD + b"Content-Length: 0x2\r\n\r\nab",
        HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nab",
        HEAD + b"Content-Length: 1048577\r\n\r\n",
        HEAD + b"X: a\r\n folded\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"X : a\r\nContent-Length: 0\r\n\r\n",
        HEAD + b": a\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"no colon\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"X: " + b"a" * 20_000,
        HEAD + b"X: " + b"a" * 20_000 + b"\r\nContent-Length: 0\r\n\r\n",
        SIZED + b"abc",
        CHUNKED + b"2;x=y\r\nab\r\n0\r\n\r\n",
        CHUNKED + b"2\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"0\r\nX: trailer\r\n\r\n",
        CHUNKED + b"0\r\n\r\nmore",
        CHUNKED + b"\r\n\r\n",
        CHUNKED + b"g\r\n",
        CHUNKED + b"-1\r\n",
        CHUNKED + b"0000000002\r\nab",
        CHUNKED + b"100001\r\n",
    ],
)
def test_what_is_odd_is_refused(data):
    assert as_we_read(data) == BROKEN


def test_no_more_is_held_than_a_value_can_need():
    # Half of it is not of the body, which alone would be small enough.
    reader = ResponseReader()
    reader.feed(CHUNKED)
    pieces = itertools.repeat(b"1\r\na\r\n" * 10_000, 40)
    with pytest.raises(Broken, match="too large"):
        collections.deque(map(reader.feed, pieces))


def test_a_body_may_have_a_mebibyte():
    body = b"x" * messages._MAX_BODY
    data = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    assert as_we_read(data)[2] == body
    assert as_we_read(CHUNKED + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")[2] == body


def test_the_end_of_the_connection_is_no_response():
    for data in (b"", HEAD, SIZED + b"a"):
        reader = ResponseReader()
        if data:
            reader.feed(data)
        with pytest.raises(Broken, match="ended before"):
            reader.feed(b"")


def test_a_response_shows_nothing_of_its_body_and_a_cleared_reader_has_none():
    reader = ResponseReader()
    response = reader.feed(HEAD + b"Content-Length: 7\r\n\r\npl4nted")
    assert "pl4nted" not in f"{response!r}{response.body!r}{response.body}"
    reader.clear()
    assert b"pl4nted" not in reader._data + reader._body


def test_a_request_is_read_by_h11_as_it_was_meant():
    data = request_bytes("POST", "/", {"host": "a:1", "x-token": "pl4nted-t"}, b"{}")
    assert "pl4nted" not in repr(data)
    server = h11.Connection(h11.SERVER)
    server.receive_data(bytes(data))
    head, body, end = (server.next_event() for _ in range(3))
    assert (head.method, head.target, bytes(body.data)) == (b"POST", b"/", b"{}")
    assert dict(head.headers) == {
        b"host": b"a:1",
        b"x-token": b"pl4nted-t",
        b"content-length": b"2",
    }
    assert isinstance(end, h11.EndOfMessage)
