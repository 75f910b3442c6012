"""A world with the document stored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.scripted import World, world
from support.stored import STORED

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def w(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("DB", "prod/db")
    with world() as made:
        made.source.secrets["prod/db"] = json.dumps(STORED)
        yield made
