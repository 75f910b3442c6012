"""Reads templates as people have them: JSON or YAML, SAM, CDK's ``cdk.out``, a Terraform plan."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from core_backend.deploy.grants import as_list
from core_backend.deploy.references import Json, object_of
from core_backend.deploy.template import Stack, Template, combine
from core_backend.deploy.terraform import read_plan
from core_backend.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

__all__ = ["read_templates"]

_SAM = "AWS::Serverless-2016-10-31"


def read_templates(templates: Iterable[Mapping[str, Any] | str | os.PathLike[str]]) -> Template:
    """Read what is deployed together: what one template exports another may import.

    Args:
        templates: Paths of templates, of Terraform plans, or of a folder ``cdk.out``; or templates
            as mappings.

    Raises:
        ConfigurationError: One of them is not a template, or needs the extra ``check``.
    """
    stacks: list[Stack] = []
    for one in templates:
        for stack in _read(one):
            content = _checked(stack.content)
            stacks.append(stack._replace(content=content))
            _add_nested(stacks, len(stacks) - 1)
    return combine(stacks)


def _read(template: Mapping[str, Any] | str | os.PathLike[str]) -> list[Stack]:
    if isinstance(template, Mapping):
        return [Stack(template)]
    path = Path(template)
    if path.is_dir():
        found = list(_read_assembly(path))
        if not found:
            raise ConfigurationError(
                f"there is no template in {path}; run cdk synth, and pass its cdk.out"
            )
        return found
    return [_at_home(Stack(_load(path), str(path.resolve())))]


def _read_assembly(folder: Path) -> Iterator[Stack]:
    """Yield the stacks of a folder ``cdk.out``, with those of its stages."""
    for artifact in _artifacts(folder):
        properties = object_of(artifact, "properties")
        if artifact.get("type") == "aws:cloudformation:stack":
            path = folder / str(properties.get("templateFile"))
            account, region = _environment(artifact)
            yield Stack(_load(path), str(path.resolve()), account, region)
        elif artifact.get("type") == "cdk:cloud-assembly":
            yield from _read_assembly(folder / str(properties.get("directoryName")))


def _at_home(stack: Stack) -> Stack:
    """Return a stack with its account and Region, if CDK's manifest beside it says them."""
    path = Path(stack.source)
    for artifact in _artifacts(path.parent):
        if object_of(artifact, "properties").get("templateFile") == path.name:
            account, region = _environment(artifact)
            return stack._replace(account=account, region=region)
    return stack


def _artifacts(folder: Path) -> list[Any]:
    manifest = folder / "manifest.json"
    return [*object_of(_load(manifest), "artifacts").values()] if manifest.is_file() else []


def _environment(artifact: Json) -> tuple[str | None, str | None]:
    parts = re.fullmatch(r"aws://([^/]+)/(.+)", str(artifact.get("environment")))
    account, region = parts.groups() if parts else ("unknown-", "unknown-")
    return (
        None if account.startswith("unknown-") else account,
        None if region.startswith("unknown-") else region,
    )


def _add_nested(stacks: list[Stack], number: int) -> None:
    """Append the templates of a stack's nested stacks, where they are beside it."""
    owner = stacks[number]
    if owner.folder is None:
        return
    for key, resource in owner.content["Resources"].items():
        if resource.get("Type") != "AWS::CloudFormation::Stack":
            continue
        path = _nested_path(owner.folder, resource)
        if path is not None and path.is_file():
            content = _checked(_load(path))
            nested = Stack(content, str(path.resolve()), owner.account, owner.region, (number, key))
            stacks.append(nested)
            _add_nested(stacks, len(stacks) - 1)


def _nested_path(folder: Path, resource: Json) -> Path | None:
    named = object_of(resource, "Metadata").get("aws:asset:path")
    url = json.dumps(object_of(resource, "Properties").get("TemplateURL", ""))
    if named is None and (asset := re.search(r"([0-9a-f]{64})\.json", url)):
        for manifest in folder.glob("*.assets.json"):
            source = object_of(object_of(_load(manifest), "files"), asset[1])
            named = named or object_of(source, "source").get("path")
    if named is None and "://" not in url and "Fn::" not in url:
        named = json.loads(url)
    return folder / str(named) if named else None


def _load(path: Path) -> Any:
    """Return what a file holds, as JSON or, if it is not JSON, as YAML."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"the template {path!s} cannot be read ({error}); run cdk synth, sam build or "
            f"terraform show -json, and pass what it wrote"
        ) from error
    try:
        content = json.loads(text)
    except ValueError as error:
        if path.suffix not in (".yaml", ".yml", ".template"):
            raise ConfigurationError(
                f"the template {path!s} cannot be read ({error}); run cdk synth, and pass its "
                f"cdk.out or a *.template.json"
            ) from error
        _need_extra(f"{path!s} is YAML")
        from core_backend.deploy.sam import load_yaml  # noqa: PLC0415  # JSON needs no extra

        content = load_yaml(text, path)
    if not isinstance(content, Mapping):
        return content
    template = cast("dict[str, Any]", content)
    if "planned_values" in template:
        return read_plan(template)
    if _SAM in as_list(template.get("Transform")) and isinstance(template.get("Resources"), dict):
        _need_extra(f"{path!s} is a SAM template")
        from core_backend.deploy.sam import expand_sam  # noqa: PLC0415  # the same

        return expand_sam(template, path)
    return template


def _need_extra(what: str) -> None:
    if find_spec("yaml") is None or find_spec("samtranslator") is None:
        raise ConfigurationError(f"{what}; to read it, pip install 'core_backend[check]'")


def _checked(content: Any) -> Json:
    if not isinstance(content, Mapping) or not isinstance(
        cast("Json", content).get("Resources"), Mapping
    ):
        raise ConfigurationError(
            "a template is a JSON object with Resources; pass a cdk.out/*.template.json"
        )
    resources = cast("Json", content)["Resources"]
    for key, resource in resources.items():
        if not isinstance(resource, Mapping):
            raise ConfigurationError(
                f"the resource {key} is not a JSON object, so this is not a template; pass a "
                f"cdk.out/*.template.json"
            )
    return cast("Json", content)
