"""Which source serves this process, and why."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from core_backend.errors import ConfigurationError

if TYPE_CHECKING:
    from core_backend._clock import Clock
    from core_backend._configuration import Settings
    from core_backend.sources.protocol import BatchSource, SecretSource

__all__ = ["choose_source"]

_ASKED_FOR = "the setting source says so"


def choose_source(settings: Settings, clock: Clock) -> tuple[SecretSource, str, str]:
    """Return the source, its name, and why it was chosen.

    Raises:
        ConfigurationError: The source that is needed is not installed, cannot do what the
            environment asks for, or would be sent to an endpoint that nothing may be sent to.
    """
    # Here and below: whoever only imports the package, a stack for one, pays for no source.
    if settings.source == "extension":
        from core_backend.sources.extension import ExtensionSource  # noqa: PLC0415

        # It takes no calls for several, and what it has cached needs none.
        return ExtensionSource(settings, os.environ, clock), "extension", _ASKED_FOR
    from core_backend.sources.endpoints import configured_endpoint, needs_sdk  # noqa: PLC0415

    configured_endpoint(os.environ)
    if settings.source == "sdk":
        return _batching(_sdk(settings, _ASKED_FOR), settings), "sdk", _ASKED_FOR
    needed = needs_sdk(os.environ)
    if settings.source == "auto" and needed:
        return _batching(_sdk(settings, needed), settings), "sdk", needed
    if needed:
        raise ConfigurationError(
            f"the setting source is 'direct', but {needed}, which only the AWS SDK can act on; "
            f"leave CORE_BACKEND_SOURCE out, or set it to sdk"
        )
    from core_backend.sources.direct import DirectSource  # noqa: PLC0415

    reason = "it starts fastest, and the environment needs nothing else"
    if settings.source == "direct":
        reason = _ASKED_FOR
    return _batching(DirectSource(settings, os.environ, clock), settings), "direct", reason


def _batching(source: BatchSource, settings: Settings) -> SecretSource:
    if not settings.batch:
        return source
    from core_backend.sources.batching import BatchingSource  # noqa: PLC0415

    return BatchingSource(source)


def _sdk(settings: Settings, reason: str) -> BatchSource:
    # Imported with the SDK only, as the source below.
    import importlib.util  # noqa: PLC0415

    # A layer without the one is without the other, whatever the function's bundle brings.
    needed = ("aiobotocore", "core_backend.sources.sdk")
    if not all(map(importlib.util.find_spec, needed)):
        raise ConfigurationError(
            f"secrets have to come through the AWS SDK, since {reason}, and it is not installed: "
            f"pip install 'core_backend[aws-sdk]', or make the layer with it (core-backend layer "
            f"--with-sdk); in a test, fake the secret (core_backend.testing.fake_secrets)"
        )
    from core_backend.sources.sdk import SdkSource  # noqa: PLC0415

    return SdkSource(settings, os.environ)
