"""Which source serves this process, and why."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from core_backend.errors import ConfigurationError

if TYPE_CHECKING:
    from core_backend._clock import Clock
    from core_backend._settings import Settings
    from core_backend.sources.protocol import SecretSource

__all__ = ["choose_source"]


def choose_source(settings: Settings, _clock: Clock) -> tuple[SecretSource, str, str]:
    """Return the source, its name, and why it was chosen.

    Raises:
        ConfigurationError: The source needs an extra that is not installed.
    """
    reason = "the setting source names it" if settings.source == "sdk" else "it serves everywhere"
    return _sdk(settings, reason), "sdk", reason


def _sdk(settings: Settings, reason: str) -> SecretSource:
    # Imported with the SDK only, as the source below.
    from importlib.util import find_spec  # noqa: PLC0415

    if find_spec("aiobotocore") is None:
        raise ConfigurationError(
            f"secrets have to come through the AWS SDK, since {reason}, and it is not installed: "
            f"pip install 'core_backend[aws-sdk]'"
        )
    # The SDK takes longer to import than a fetch; nobody pays for it who does not need it.
    from core_backend.sources.sdk import SdkSource  # noqa: PLC0415

    return SdkSource(settings, os.environ)
