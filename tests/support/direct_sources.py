"""Direct sources, and a secret for them to fetch."""

from __future__ import annotations

from core_backend._configuration import Settings
from core_backend.sources import SecretRequest
from core_backend.sources.direct import DirectSource
from core_backend.testing.clock import FakeClock

REQUEST = SecretRequest("db")


class Environ(dict):
    """An environment that tests tell from what the source makes of it."""


def source_of(service, **settings):
    given = Settings().replace(**{"connect_timeout": 5, "read_timeout": 5, **settings})
    return DirectSource(given, Environ(service.environ), FakeClock())
