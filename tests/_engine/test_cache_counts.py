"""The counts: what is handed out counts no further, and shows itself."""

from __future__ import annotations

from core_backend import SecretsInfo


def test_a_copy_counts_no_further():
    running = SecretsInfo()
    running.hits = 2
    running.source = "direct"
    copy = running.copy()
    running.hits = 3
    assert (copy.hits, copy.source, copy.misses) == (2, "direct", 0)


def test_it_shows_all_its_counts():
    info = SecretsInfo()
    info.stale = 4
    assert repr(info) == (
        "SecretsInfo(coalesced=0, failures=0, fetches=0, hits=0, misses=0, reason=None, "
        "source=None, stale=4, tls=None)"
    )
