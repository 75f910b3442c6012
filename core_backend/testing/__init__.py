"""Testing handlers: fakes, moto, and a Lambda on your desk. No function needs it at run time.

Importing it makes plain ``mock_aws`` work, which the pytest plugin does by itself.
"""

from core_backend.testing import _moto
from core_backend.testing._variables import fake_env
from core_backend.testing.clock import FakeClock
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
