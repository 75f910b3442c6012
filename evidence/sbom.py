"""A software bill of materials for the wheel and each extra, in CycloneDX's JSON."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from licences import licence_of
from packageurl import PackageURL
from proof import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dependencies import Package

__all__ = ["prove"]

_PACKAGE = "core_backend"


def prove(resolved: Mapping[str, Sequence[Package]], folder: Path) -> Outcome:
    """Write an SBOM for each extra, and check it against CycloneDX's schema."""
    faults, notes = [], []
    for extra, packages in resolved.items():
        text = _sbom(packages)
        file = folder / f"sbom-{extra or 'base'}.cdx.json"
        file.write_text(text)
        error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
        faults += [f"{file.name} does not keep to the schema: {error}"] if error else []
        notes.append(f"{file.name}: {len(packages)} packages")
    return Outcome("An SBOM of the wheel and of each extra is written", faults, notes)


def _sbom(packages: Sequence[Package]) -> str:
    components = {package.name: _component(package) for package in packages}
    root = components.pop(_PACKAGE)
    bom = Bom(components=components.values())
    # The same packages have the same number.
    named = ",".join(f"{package.name}=={package.version}" for package in packages)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, named)
    bom.metadata.component = root
    # pip's report does not say which package needs which. This one needs them all.
    bom.register_dependency(root, components.values())
    return JsonV1Dot6(bom).output_as_string(indent=2)


def _component(package: Package) -> Component:
    licence = licence_of(package.metadata)
    purl = PackageURL("pypi", name=package.name.lower().replace("_", "-"), version=package.version)
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        licenses=[LicenseFactory().make_from_string(licence)] if licence else [],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=package.sha256)]
        if package.sha256
        else [],
    )
