"""Settings as a dict, to compare them: the package itself never does."""

from __future__ import annotations

from core_backend._configuration import NAMES, Settings


def vars_of(settings: Settings) -> dict[str, object]:
    """Return every setting by its name, the defaults included."""
    return {name: getattr(settings, name) for name in NAMES}
