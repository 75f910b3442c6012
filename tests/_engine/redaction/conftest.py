"""A world whose logs are masked, and a handler that shows what is written in it."""

from __future__ import annotations

import logging

import pytest
from support.log_lines import handling
from support.scripted import ScriptedSource, world

from core_backend import get_secret


@pytest.fixture
def log():
    """A logger with no handler of its own."""
    return logging.getLogger("shop.orders")


@pytest.fixture
def written():
    with handling() as handler:
        yield handler


@pytest.fixture
def source():
    return ScriptedSource(key="pl4nted-redaction")


@pytest.fixture
def redacting(source):
    with world(redact_logs=True, source=source) as w:
        yield w


@pytest.fixture
def value(redacting):
    return get_secret("key").result()
