"""The layer is bundled here, without Docker, and only for functions that can load it."""

from __future__ import annotations

import sys

import pytest
from aws_cdk import App, Stack, aws_lambda
from aws_cdk.assertions import Annotations, Match, Template
from support.stacks import new_stack

from core_backend.cdk import make_function, runtime_layer
from core_backend.deploy import layer
from core_backend.errors import ConfigurationError

RUNNING = getattr(aws_lambda.Runtime, f"PYTHON_3_{sys.version_info.minor}")
CODE = {"handler": "handler.handler", "code": aws_lambda.Code.from_inline("handler = print")}


def assets_in(folder):
    return [path for path in folder.iterdir() if path.name.startswith("asset.")]


def test_it_holds_the_package_as_it_is_installed_here(tmp_path):
    stack = new_stack(tmp_path)

    made = runtime_layer(stack, "Runtime", runtime=RUNNING, description="Secrets")
    make_function(stack, "Charge", **CODE, layers=[made], runtime=RUNNING)

    template = Template.from_stack(stack)
    [asset] = assets_in(tmp_path / "cdk.out")
    [properties] = [
        one["Properties"] for one in template.find_resources("AWS::Lambda::LayerVersion").values()
    ]
    assert (asset / "python" / "core_backend" / "handler.pyc").is_file()
    assert properties["CompatibleRuntimes"] == [RUNNING.name]
    assert "CompatibleArchitectures" not in properties
    assert properties["Description"] == "Secrets"


def test_it_is_for_the_python_of_make_function(tmp_path):
    stack = new_stack(tmp_path)

    make_function(stack, "Charge", **CODE, layers=[runtime_layer(stack, "Runtime")])

    Template.from_stack(stack).has_resource_properties(
        "AWS::Lambda::LayerVersion", {"CompatibleRuntimes": ["python3.14"]}
    )


def test_it_is_the_same_asset_each_time(tmp_path):
    def asset(run):
        app = App(outdir=str(tmp_path / run), analytics_reporting=False)
        runtime_layer(Stack(app, "Charges"), "Runtime")
        app.synth()
        [asset] = assets_in(tmp_path / run)
        return asset.name

    assert asset("first") == asset("second")


def test_a_function_of_another_python_is_refused(tmp_path):
    stack = new_stack(tmp_path)
    made = runtime_layer(stack, "Runtime")

    with pytest.raises(RuntimeError, match="incompatible with this layer"):
        make_function(
            stack, "Charge", **CODE, layers=[made], runtime=aws_lambda.Runtime.PYTHON_3_12
        )


def test_where_that_python_is_missing_it_warns(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    stack = new_stack(tmp_path)

    runtime_layer(stack, "Runtime", runtime=aws_lambda.Runtime("python3.99"))

    Annotations.from_stack(stack).has_warning(
        "/Charges/Runtime", Match.string_like_regexp("Python 3.99 is not on this machine")
    )


def test_the_sdk_is_brought_for_one_architecture(tmp_path, monkeypatch):
    built = []

    def build(folder, **options):
        built.append(options)
        return layer.build_layer(folder)

    monkeypatch.setattr("core_backend.cdk.layer.build_layer", build)
    stack = new_stack(tmp_path)

    runtime_layer(stack, "Runtime", with_sdk=True, architecture=aws_lambda.Architecture.X86_64)

    assert built == [{"with_sdk": True, "python": "3.14", "architecture": "x86_64"}]
    Template.from_stack(stack).has_resource_properties(
        "AWS::Lambda::LayerVersion", {"CompatibleArchitectures": ["x86_64"]}
    )


def test_what_fails_says_what_to_do(tmp_path, monkeypatch):
    def fail(*_arguments, **_options):
        raise ConfigurationError("pip could not get aiobotocore for Lambda; set PIP_INDEX_URL")

    monkeypatch.setattr("core_backend.cdk.layer.build_layer", fail)

    with pytest.raises(RuntimeError, match="pip could not get aiobotocore .* set PIP_INDEX_URL"):
        runtime_layer(new_stack(tmp_path), "Runtime", with_sdk=True)
