"""The ``core-backend`` command: fill, see, check, run and pack. Extra ``cli``."""

from core_backend.cli.app import main

__all__ = ["main"]
