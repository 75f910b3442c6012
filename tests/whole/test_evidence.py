"""The evidence can be made again, and a proof fails where its claim does not hold."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from support import signers

EVIDENCE = Path(__file__).resolve().parents[2] / "evidence"
CASE = """\
## {name}

<!-- meta={{"type": "response"}} -->
```http
HTTP/1.1 200 OK
{header}

ab
```

```log
off=17 headers complete status=200 v=1/1 flags=20 content_length=2
off={at} len=2 span[body]="ab"
{end}
```
"""
SIZED = CASE.format(name="Sized", header="Content-Length: 2", at=38, end="off=40 message complete")


@pytest.fixture(autouse=True)
def _with_evidence(monkeypatch):
    monkeypatch.syspath_prepend(str(EVIDENCE))


@pytest.fixture
def licences():
    return importlib.import_module("licences")


def package(**metadata):
    dependencies = importlib.import_module("dependencies")
    item = {"metadata": {"name": "lib", "version": "1", **metadata}, "download_info": {}}
    return dependencies.read_report({"install": [item]})


def test_wheel_and_layer_are_the_same_bytes_when_they_are_built_again(tmp_path):
    outcome = importlib.import_module("builds").prove(tmp_path)

    assert outcome.faults == []
    assert "core_backend-" in outcome.notes[0]
    assert "layer.zip" in outcome.notes[1]


@pytest.mark.parametrize(
    "metadata",
    [
        {"license_expression": "GPL-3.0-or-later"},
        {"license_expression": "MIT AND LGPL-2.1-only"},
        {"license": "GPLv3"},
        {"classifier": ["License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)"]},
        {},
    ],
)
def test_a_copyleft_or_unknown_licence_fails_on_lambda_and_is_named_elsewhere(licences, metadata):
    for extra in ("", "aws-sdk"):
        assert "lib 1 has the licence" in licences.prove({extra: package(**metadata)}).faults[0]
    elsewhere = licences.prove({"cli": package(**metadata)})
    assert elsewhere.faults == []
    assert "lib 1 has the licence" in elsewhere.notes[1]


@pytest.mark.parametrize(
    "metadata",
    [
        {"license_expression": "MIT OR GPL-3.0-only"},
        {"license_expression": "(Apache-2.0 OR MIT) AND BSD-3-Clause"},
        {"license": "Apache License 2.0"},
        {"classifier": ["License :: OSI Approved", "License :: OSI Approved :: MIT License"]},
    ],
)
def test_a_permissive_licence_passes(licences, metadata):
    assert licences.prove({"": package(**metadata)}).faults == []


def test_a_signature_that_differs_fails_a_line_of_the_report(monkeypatch):
    signing = importlib.import_module("signing")
    proof = importlib.import_module("proof")
    drawn = importlib.import_module("cases").draw(signers.TO_SIGN, 20, 1)
    assert signing.check(drawn, 1, 20) == []
    signed = signers.signed_headers
    monkeypatch.setattr(
        signers,
        "signed_headers",
        lambda *given, **more: {**signed(*given, **more), "authorization": "another"},
    )

    faults = signing.check(drawn, 1, 20)

    assert faults[0].startswith("a signature differs: case 0, ")
    assert f"- FAULT: {faults[0]}" in proof.Outcome("Signatures", faults).markdown()


def test_a_response_that_h11_reads_otherwise_is_found(monkeypatch):
    reading = importlib.import_module("reading")
    drawn = importlib.import_module("cases").draw(reading.responses(), 20, 1)
    assert reading.check(drawn, 1, 200) == []
    monkeypatch.setattr("support.response_readers.as_h11_reads", lambda _: "not whole yet")

    assert reading.check(drawn, 1, 20)[0].startswith("h11 reads it otherwise: case ")


def test_a_conformance_case_shows_whether_we_are_stricter_or_laxer():
    conformance = importlib.import_module("conformance")
    [same] = conformance.parse_cases(SIZED)
    [lax] = conformance.parse_cases(SIZED.replace("off=40 message complete", "off=38 error code=4"))
    [other] = conformance.parse_cases(SIZED.replace("off=38", "off=37"))
    [strict] = conformance.parse_cases(SIZED.replace("Content-Length", "X"))

    assert conformance.judge(same) == ("", "")
    assert "llhttp refuses" in conformance.judge(lax)[0]
    assert "read otherwise" in conformance.judge(other)[0]
    assert conformance.judge(strict) == ("", "the answer has no length")
