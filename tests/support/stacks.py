"""CDK apps for tests: written to a temporary folder, looked at as templates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, Stack, aws_lambda
from aws_cdk.assertions import Template

from core_backend.cdk import make_function

if TYPE_CHECKING:
    from core_backend.cdk import Function

__all__ = [
    "charge",
    "findings",
    "new_stack",
    "refusal",
    "run_app",
    "template_of",
    "warnings_of",
]


def new_stack(tmp_path: Path, name: str = "Charges") -> Stack:
    app = App(outdir=str(tmp_path / "cdk.out"), analytics_reporting=False)
    return Stack(app, name)


def template_of(stack: Stack) -> dict[str, Any]:
    return dict(Template.from_stack(stack).to_json())


def charge(stack: Stack, **props: Any) -> Function:
    code = aws_lambda.Code.from_inline("handler = print")
    return make_function(stack, "Charge", handler="index.handler", code=code, **props)


def refusal(stack: Stack) -> str:
    """Synthesize what is to be refused, and return the errors: one line for each."""
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        template_of(stack)
    return "\n".join(text for severity, _, text in findings(stack) if severity == "error")


def warnings_of(stack: Stack) -> dict[str, str]:
    """Synthesize, and return the warnings: each rule, and what it says."""
    template_of(stack)
    return {rule: text for severity, rule, text in findings(stack) if severity == "warning"}


def findings(stack: Stack) -> list[tuple[str, str, str]]:
    """Return the severity, the rule and the message of each finding of the last synthesis."""
    report = json.loads((Path(stack.node.root.outdir) / "validation-report.json").read_text())
    return [
        (one["severity"], one["ruleName"], f"[{path}] {one['description']}; {one['suggestedFix']}")
        for plugin in report["pluginReports"]
        if plugin["pluginName"] == "core_backend"
        for one in plugin["violations"]
        for path in [
            construct["constructPath"].removesuffix("/Resource")
            for construct in one["violatingConstructs"]
        ]
    ]


def run_app(
    program: Path, outdir: Path, context: dict[str, Any]
) -> subprocess.CompletedProcess[str]:
    """Run a program that synthesizes, as CDK's command line does."""
    # tox keeps the program's own folder off the path; whoever deploys does not.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"}
    environment |= {"CDK_OUTDIR": str(outdir), "CDK_CONTEXT_JSON": json.dumps(context)}
    return subprocess.run(
        [sys.executable, program.name],
        cwd=program.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
