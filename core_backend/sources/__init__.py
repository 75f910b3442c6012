"""Chooses the source of values for this process, and says why."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from core_backend.errors import ConfigurationError

if TYPE_CHECKING:
    from core_backend._clock import Clock
    from core_backend._configuration import Settings
    from core_backend.sources.protocol import BatchSource, SecretSource

__all__ = ["choose_source"]

_BY_SETTING = "the setting source says so"
_BY_DEFAULT = "it starts fastest, and the environment needs nothing else"

# The imports inside of the functions load a source only when it is chosen.


def choose_source(settings: Settings, clock: Clock) -> tuple[SecretSource, str, str]:
    """Return the source, its name, and why it was chosen.

    Raises:
        ConfigurationError: The source is not installed, cannot do what the environment needs, or
            would send credentials over plain http.
    """
    if settings.source == "extension":
        from core_backend.sources.extension import ExtensionSource  # noqa: PLC0415

        # It knows no batches, and needs none: it has a cache.
        return ExtensionSource(settings, os.environ, clock), "extension", _BY_SETTING
    source, name, reason = _direct_or_sdk(settings, clock)
    if settings.batch:
        from core_backend.sources.batching import BatchingSource  # noqa: PLC0415

        return BatchingSource(source), name, reason
    return source, name, reason


def _direct_or_sdk(settings: Settings, clock: Clock) -> tuple[BatchSource, str, str]:
    from core_backend.sources.endpoints import Endpoints, is_secure  # noqa: PLC0415

    endpoints = Endpoints(os.environ, settings.insecure_endpoint)
    endpoint = endpoints.custom()
    if endpoint is not None and not is_secure(endpoint):
        logging.getLogger("core_backend").warning(
            "credentials go to %s over plain http, because the setting insecure_endpoint allows "
            "it: use that for stand-ins only",
            endpoint.authority,
        )
    if settings.source == "sdk":
        return _sdk(settings, clock, _BY_SETTING), "sdk", _BY_SETTING
    reason = endpoints.needs_sdk()
    if reason and settings.source == "auto":
        return _sdk(settings, clock, reason), "sdk", reason
    if reason:
        raise ConfigurationError(
            f"the setting source is 'direct', but {reason}, which only the AWS SDK can act on; "
            f"leave CORE_BACKEND_SOURCE out, or set it to sdk"
        )
    from core_backend.sources.direct import DirectSource  # noqa: PLC0415

    source = DirectSource(settings, os.environ, clock)
    return source, "direct", _BY_SETTING if settings.source == "direct" else _BY_DEFAULT


def _sdk(settings: Settings, clock: Clock, reason: str) -> BatchSource:
    import importlib.util  # noqa: PLC0415

    # A layer without the SDK lacks both, although the function's bundle may have the first.
    needed = ("aiobotocore", "core_backend.sources.sdk")
    if not all(map(importlib.util.find_spec, needed)):
        raise ConfigurationError(
            f"secrets have to come through the AWS SDK, since {reason}, and it is not installed: "
            f"pip install 'core_backend[aws-sdk]', or make the layer with it (core-backend layer "
            f"--with-sdk); in a test, fake the secret (core_backend.testing.fake_secrets)"
        )
    from core_backend.sources.sdk import SdkSource  # noqa: PLC0415

    return SdkSource(settings, os.environ, clock)
