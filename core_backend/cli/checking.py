"""``check``: the report, for a person or for a program."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from core_backend.cli.output import print_json

if TYPE_CHECKING:
    from core_backend.deploy.check import Report

__all__ = ["show_check"]


def show_check(report: Report, output: str) -> int:
    """Print the report, and return the exit code."""
    if output == "json":
        print_json(
            {
                "ok": report.ok,
                "secrets": [{**one._asdict(), "gaps": one.gaps} for one in report.secrets],
                "unused": report.unused,
                "unnamed": report.unnamed,
                "unseen": report.unseen,
            }
        )
    else:
        sys.stdout.write(f"{report}\n")
    return 0 if report.ok else 1
