"""What must hold in every run of the store, however its threads take turns.

-   For one key and kind never are two fetches in flight, but where ``clear_secrets`` disowned one,
    or a clock or a setting was changed so that one outlived its time.
-   Whoever waits is answered.
-   Who asks after a refusal was seen is not served a value that was sent before it.
-   Who asks after a value was seen is not served an older one, unless that is forgotten meanwhile.
-   Who asks after ``clear_secrets`` is not served what was sent before.
-   The counts fit what the service saw.

Each value and each refusal says the number of the call it was the answer to: so it can be told
which is older.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from core_backend import SecretError
from core_backend._configuration import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core_backend import SecretsInfo

__all__ = ["Broken", "Judge"]


class Broken(AssertionError):  # noqa: N818  # what is broken is a rule
    """Something that must never be."""


class Judge:
    """Sees what goes in and out, and notes the first thing that must never be."""

    def __init__(self) -> None:
        self.broken: Broken | None = None
        self.disturbances = 0
        """How often something excused one more fetch of a kind."""
        self.interruptions = 0
        """How often somebody was interrupted, perhaps between a start and its being counted."""
        self.asked = 0
        self._clears = 0
        self._seen: dict[str, int] = {}

    def check(self, good: object, what: str) -> None:
        """Note, and raise, what must never be."""
        if not good:
            # Noted as well: raised in a fetch, the store takes it for the source's failure.
            self.broken = self.broken or Broken(what)
            raise self.broken

    @contextlib.contextmanager
    def asking(self, key: str) -> Iterator[list[str]]:
        """Judge what is got in the block by what had been seen when it began.

        A refusal is taken down, to be told afterwards.
        """
        seen, clears = self._seen.get(key, 0), self._clears
        got: list[str] = []
        try:
            yield got
        except SecretError as error:
            refusal = re.fullmatch(r"refused by call (\d+)", str(error))
            number = int(refusal[1]) if refusal else 0
            got.append(f"{type(error).__name__}: {error}")
        else:
            number = int(got[0].rpartition(" ")[2])
            # What was disowned meanwhile is delivered, though what was newer may be forgotten,
            good = number >= seen or clears != self._clears
            self.check(good, f"{key} of call {number} got, after {seen} was seen")
        # and it is known to nobody else.
        if clears == self._clears:
            self._seen[key] = max(self._seen.get(key, 0), number)

    @contextlib.contextmanager
    def clearing(self, sent: int) -> Iterator[None]:
        """Take nothing that was sent so far for good after the block."""
        self.disturbances += 1
        self._clears += 1
        yield
        self._clears += 1
        for key in "ab":
            self._seen[key] = max(sent + 1, self._seen.get(key, 0))

    def count(self, info: SecretsInfo, calls: int) -> None:
        """Check the counts, at the end."""
        self.check(info.hits + info.misses >= self.asked, f"{info}, and {self.asked} asked")
        self.check(info.coalesced <= info.misses, f"more coalesced than missed: {info}")
        fetches = info.fetches + self.interruptions
        self.check(info.failures <= fetches, f"more failures than fetches: {info}")
        most = (info.fetches + self.interruptions) * Settings.attempts
        self.check(info.fetches <= calls <= most, f"{info}, and {calls} calls")
