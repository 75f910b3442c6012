"""CDK apps for tests: written to a temporary folder, looked at as templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import App, Stack
from aws_cdk.assertions import Template

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["new_stack", "template_of"]


def new_stack(tmp_path: Path, name: str = "Charges") -> Stack:
    app = App(outdir=str(tmp_path / "cdk.out"), analytics_reporting=False)
    return Stack(app, name)


def template_of(stack: Stack) -> dict[str, Any]:
    return dict(Template.from_stack(stack).to_json())
