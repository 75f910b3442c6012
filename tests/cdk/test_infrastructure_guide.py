"""The guide to infrastructure is a project, which prints what the guide says it prints."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.documents import Document
from support.stacks import run_app

# As CDK's command line sets it: templates then know their constructs' paths.
CONTEXT = {"aws:cdk:enable-path-metadata": True}
GUIDE = Path(__file__).parents[2] / "docs" / "infrastructure.md"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    Document(GUIDE).write_files(folder)
    return folder


def run(project, program):
    return run_app(project / program, project / "cdk.out", CONTEXT)


def shown_after(name):
    """Return what the guide says that a file of its prints."""
    text = GUIDE.read_text()
    return re.search(rf"^# {name}\n.*?^```text\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)[1]


def test_it_can_be_deployed_and_checked(project):
    done = run(project, "app.py")
    assert done.returncode == 0, done.stderr
    template = json.loads((project / "cdk.out" / "Shop-dev.template.json").read_text())
    names = [
        resource["Properties"]["Name"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::SecretsManager::Secret"
    ]
    assert names == ["dev/stripe-api-key", "dev/database-password"]

    assert run(project, "check_shop.py").stdout == shown_after("check_shop.py")


def test_what_it_shows_as_refused_is_refused_in_these_words(project):
    done = run(project, "forgotten.py")

    assert done.returncode == 1
    assert shown_after("forgotten.py").strip() in done.stderr


def test_what_it_shows_of_other_constructs_works(project):
    done = run(project, "plain.py")

    assert done.returncode == 0, done.stderr
    template = json.loads((project / "cdk.out" / "Plain.template.json").read_text())
    [variables] = [
        resource["Properties"]["Environment"]["Variables"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    ]
    assert variables == {"STRIPE_API_KEY": "shared/stripe-api-key"}


def test_all_its_python_is_run():
    names = [fence.file_name for fence in Document(GUIDE).fences]

    assert [name for name in names if name not in {"src/secret_names.py", "src/handler.py"}] == [
        "stack.py",
        "app.py",
        "forgotten.py",
        "check_shop.py",
        "plain.py",
    ]
