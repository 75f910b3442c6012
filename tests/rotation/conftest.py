"""A secret to be rotated, and two ways to use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.doors import OLD
from support.scripted import World, world

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def w() -> Iterator[World]:
    with world() as made:
        made.source.secrets["db"] = OLD
        yield made


@pytest.fixture(params=["open", "open_async"])
def way(request: pytest.FixtureRequest) -> str:
    return request.param
