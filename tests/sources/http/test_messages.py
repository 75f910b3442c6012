"""The response reader, held against h11: what it accepts, h11 accepts too, and reads alike."""

from __future__ import annotations

import collections
import itertools

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.response_readers import (
    BROKEN,
    CUTS,
    MORE,
    as_h11_reads,
    as_we_read,
    assert_not_laxer,
    damaged_responses,
    responses,
)

from core_backend.sources.http import messages
from core_backend.sources.http.messages import Broken, ResponseReader, request_bytes


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


@settings(max_examples=150)
@given(damaged_responses(), CUTS)
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
        CHUNKED + b"0\r\n\n",
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
