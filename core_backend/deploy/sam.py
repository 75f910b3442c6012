"""Templates as people write them: YAML with short forms, and SAM. Needs the extra ``check``.

SAM is expanded by AWS's own translator, as CloudFormation does it: ``Globals``, policy templates
and inline statements become roles and policies.
"""

from __future__ import annotations

import copy
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml
from samtranslator.model.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
    InvalidDocumentException,
)
from samtranslator.translator.transform import (  # pyright: ignore[reportMissingTypeStubs]
    transform,
)

from core_backend.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

__all__ = ["expand_sam", "load_yaml"]

# The properties that name local code, which ``sam package`` uploads and the translator wants in S3.
_LOCAL = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::Api": "DefinitionUri",
    "AWS::Serverless::HttpApi": "DefinitionUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
}
_UPLOADED = "s3://uploaded/code"


class _ShortForms(yaml.SafeLoader):
    """A safe loader that also knows ``!Ref``, ``!Sub`` and the like."""


def _construct_short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {name: str(text).split(".", 1) if suffix == "GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)  # noqa: S101  # there is no fourth kind
    return {name: loader.construct_mapping(node, deep=True)}


def _construct_text(_loader: yaml.SafeLoader, node: yaml.Node) -> str:
    return str(node.value)


_ShortForms.add_multi_constructor(  # pyright: ignore[reportUnknownMemberType]
    "!", _construct_short_form
)
# A policy's Version is a date to YAML, and text to CloudFormation.
_ShortForms.add_constructor("tag:yaml.org,2002:timestamp", _construct_text)


def load_yaml(text: str, path: Path) -> Any:
    """Read a template that is written in YAML.

    Raises:
        ConfigurationError: It is not YAML.
    """
    try:
        return yaml.load(text, _ShortForms)  # noqa: S506  # it is a safe loader
    except yaml.YAMLError as error:
        raise ConfigurationError(f"the template {path!s} is not YAML: {error}") from error


def expand_sam(template: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return a SAM template as the CloudFormation template that it becomes.

    Raises:
        ConfigurationError: SAM does not accept it.
    """
    given = copy.deepcopy(template)
    shared = given.get("Globals", {}).get("Function", {})
    places = {"": shared.get("CodeUri")}
    if "CodeUri" in shared:
        shared["CodeUri"] = _UPLOADED
    for key, resource in given["Resources"].items():
        local = _LOCAL.get(resource.get("Type"))
        properties: dict[str, Any] = resource.get("Properties") or {}
        if local is not None and local in properties:
            places[key] = properties[local]
            properties[local] = _UPLOADED
        if properties.get("PackageType") == "Image":
            properties.setdefault("ImageUri", "1.dkr.ecr.us-east-1.amazonaws.com/image:latest")
        elif local == "CodeUri" and not properties.keys() & {"InlineCode", "CodeUri"}:
            properties["CodeUri"] = _UPLOADED
            places.setdefault(key, places[""] or ".")
    for parameter in given.get("Parameters", {}).values():
        # Whoever deploys decides: the translator would take the default for the value.
        parameter.pop("Default", None)
    expanded = _translate(given, path)
    for key, place in places.items():
        if isinstance(place, str) and key in expanded["Resources"]:
            metadata = expanded["Resources"][key].setdefault("Metadata", {})
            metadata["core_backend:code"] = place
    return expanded


def _translate(template: dict[str, Any], path: Path) -> dict[str, Any]:
    try:
        with _region():
            # Duck-typed: the translator's own loader asks AWS.
            policies: Any = _NoPolicies()
            expanded: dict[str, Any] = transform(template, {}, policies)
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise ConfigurationError(f"SAM does not accept the template {path!s}: {causes}") from error
    return expanded


class _NoPolicies:
    """Asks nothing of AWS: a managed policy that only has a name stays a name."""

    def load(self) -> dict[str, str]:
        """Return the names that are known."""
        return {}


@contextmanager
def _region() -> Generator[None]:
    """Let the translator find a Region: it wants one, for the partition of ARNs."""
    missing = "AWS_DEFAULT_REGION" not in os.environ
    if missing:
        os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    try:
        yield
    finally:
        if missing:
            del os.environ["AWS_DEFAULT_REGION"]
