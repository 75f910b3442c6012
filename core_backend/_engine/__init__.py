"""The engine: from a request for a secret to its value. docs/architecture.md draws this map.

The path of one secret, down:

1.  ``secrets`` looks for a hit in ``cache``. A hit takes no lock, and the path ends here.
2.  Otherwise it asks the ``store``, which checks the requests that are not cached
    before it fetches anything.
3.  The store answers each request, under its lock: with an entry that has not expired, with a
    known failure, with a flight that is under way, or with a new flight.
4.  All new flights of a call start together on the ``portal``. Only then can others join them.
5.  A flight makes ``attempts`` until one succeeds, or until the failure policy or the time limit
    ends it. Each asks the source.

And back:

6.  ``attempts`` returns the value, or a new error without frames, which could hold credentials.
7.  The store keeps the outcome: a value in ``cache``, a failure in the memory of ``failures``.
8.  The flight lands, and wakes everyone who waits for it, on every loop and thread.
9.  ``delivery`` turns each caller's answer into a value, or leads the caller back to step 2.
10. The handle in ``pending`` parses the value in the caller's thread.

The rules:

1.  A value younger than its ttl is returned at once. From ``refresh_ahead`` of its ttl on, asking
    for it also starts a refresh in the background.
2.  For each secret, stage and version at most one fetch is under way, however many ask. A fetch
    past the cache (``fresh``) does not join an ordinary one, which may have been sent before.
3.  If a fetch is under way for longer than the setting ``timeout``, nobody joins it any
    more: most often its environment was frozen. A caller that already waits for it asks again if
    it fails. A handle that is awaited only now asks again at once.
4.  A value is as old as its request. An older answer never replaces a newer value or refusal.
    A value that was dropped or replaced is gone from every handle too.
5.  While a failure may pass, an expired value serves for up to ``max_stale``, and the service is
    left alone for a cool-down. A refusal drops the value, and is remembered for five seconds.
6.  ``fresh`` never returns an expired value. In a cool-down it gets the remembered error. Calls
    with ``fresh`` within one second share a fetch.
7.  The store decides under one lock, ``Store.lock``. No network and no code of yours runs under it.
    ``process`` has a lock of its own, which is always taken first.
8.  A flight can be joined only once it has started. If it cannot start, its callers get an error.
9.  Signal handlers and finalizers may interrupt any line. If one raises, no lock stays held.
    If one would wait for ever, it gets an error.

The words:

handle: what ``get_secret`` returns. entry: one fetched value with its age. flight: one fetch under
way, shared by all who ask in the meantime. attempt: one request of a flight. source: where an
attempt gets the value. portal: the private event loop and its thread. hit: an entry that is handed
out at once, because it needs no refresh. stale: past its expiry, and still serving. cool-down: the
time in which a failing service is left alone. refusal: an answer that means the value must not be
used any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core_backend._engine.store import Store

current: Store | None = None
"""The process's store, once there is one. ``process`` sets it; a hit reads it.

It is here so that importing ``core_backend`` does not import the store and what is under it, which
a stack, or a test that patches everything, never needs. The first secret that is asked for imports
them.
"""
