"""Tools for testing handlers: fakes, moto, and Lambda on this machine.

Importing this package makes plain ``mock_aws`` work, and values expire by freezegun's time. The
pytest plugin imports it. No function needs it at run time.
"""

from core_backend.testing import _moto
from core_backend.testing._variables import fake_env
from core_backend.testing.clock import FakeClock, follow_frozen_time
from core_backend.testing.context import FakeContext
from core_backend.testing.events import http_api_event, sqs_event
from core_backend.testing.fakes import FakeSecrets, fake_secrets

__all__ = [
    "FakeClock",
    "FakeContext",
    "FakeSecrets",
    "fake_env",
    "fake_secrets",
    "http_api_event",
    "sqs_event",
]

_moto.install()
follow_frozen_time()
