"""What tests of several modules ask for. One with more of its own defines it anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.scripted import World, world

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def w() -> Iterator[World]:
    """A store of its own, on a scripted source and a clock that the test moves."""
    with world() as made:
        yield made
