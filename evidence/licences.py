"""Proof: all that runs on Lambda has a licence without copyleft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dependencies import BASE
from license_expression import ExpressionError, get_spdx_licensing
from proof import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dependencies import Package

__all__ = ["is_allowed", "licence_of", "prove"]

_ALLOWED = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0"),
    *("PSF-2.0", "Python-2.0", "Unlicense", "Zlib"),
}
"""SPDX identifiers of licences that allow use in closed software."""
_ON_LAMBDA = (BASE, "aws-sdk")
# What older packages write instead of an SPDX identifier.
_OTHER_NAMES = {
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd license": "BSD-3-Clause",
    "bsd": "BSD-3-Clause",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "the mit license (mit)": "MIT",
}
_SPDX = get_spdx_licensing()


def prove(resolved: Mapping[str, Iterable[Package]]) -> Outcome:
    """Judge the licence of each package of each extra."""
    faults, others = [], set()
    counted = set()
    for extra, packages in resolved.items():
        for package in packages:
            licence = licence_of(package.metadata)
            counted.add(package.name)
            if is_allowed(licence):
                continue
            said = f"{package.name} {package.version} has the licence '{licence or 'unknown'}'"
            if extra in _ON_LAMBDA:
                faults.append(f"{said}, and belongs to {extra or 'the base install'}")
            else:
                others.add(f"not on Lambda: {said}")
    notes = [f"{len(counted)} packages; allowed: {', '.join(sorted(_ALLOWED))}", *sorted(others)]
    return Outcome("No copyleft in the base install or the layers", faults, notes)


def licence_of(metadata: Mapping[str, Any]) -> str:
    """Return the licence as an SPDX expression, or as the package names it; empty if unknown."""
    if metadata.get("license_expression"):
        return str(metadata["license_expression"])
    names = [
        line.rpartition(" :: ")[2]
        for line in metadata.get("classifier", ())
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    # A whole text has several lines, and a name has one.
    text = str(metadata.get("license") or "").strip()
    if not names and text and "\n" not in text:
        names = [text]
    return " AND ".join(_OTHER_NAMES.get(name.lower(), name) for name in names)


def is_allowed(licence: str) -> bool:
    """Return whether an SPDX expression leaves a choice of allowed licences only."""
    try:
        parsed = _SPDX.parse(licence, validate=True)
    except ExpressionError:
        return False
    return parsed is not None and _holds(parsed)


def _holds(part: Any) -> bool:
    if isinstance(part, _SPDX.OR):
        return any(map(_holds, part.args))
    if isinstance(part, _SPDX.AND):
        return all(map(_holds, part.args))
    return str(part) in _ALLOWED
