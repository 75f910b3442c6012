"""The pages of the site that need CDK: the newcomer's stack, and the reference."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from support.documents import Document
from support.stacks import run_app

DOCS = Path(__file__).parents[2] / "docs"


def test_the_newcomers_stack_gives_both_functions_the_secret(tmp_path):
    Document(DOCS / "first-handler.md").write_files(tmp_path)
    done = run_app(tmp_path / "stack.py", tmp_path / "cdk.out", {})
    assert done.returncode == 0, done.stderr
    template = json.loads((tmp_path / "cdk.out" / "Shop-dev.template.json").read_text())
    variables = [
        resource["Properties"]["Environment"]["Variables"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    ]
    assert variables == [{"STRIPE_API_KEY": "dev/stripe-api-key"}] * 2


def test_the_examples_of_the_reference_run(tmp_path):
    sources = [fence.source for fence in Document(DOCS / "reference" / "cdk.md").fences]
    (tmp_path / "reference.py").write_text("\n".join(sources))
    done = subprocess.run(
        [sys.executable, "reference.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
