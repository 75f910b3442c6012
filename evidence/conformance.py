"""Proof: the reader keeps to the conformance cases of llhttp, the parser of Node.js.

The cases are in the source distribution of aiohttp, which pip downloads. They are Markdown: a
response, and the events that llhttp reports for it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from proof import Outcome

from core_backend.sources.http.messages import Broken, ResponseReader

__all__ = ["Case", "judge", "parse_cases", "prove"]

_FROM = "aiohttp==3.14.5"
_FOLDER = "/vendor/llhttp/test/response/"
_CASE = re.compile(
    r"^#+ (?P<name>[^\n]+)\n(?:(?!^#).)*?"
    r"^<!-- meta=\{\"type\": \"response\" ?(?:, +\"noScan\": true)?\} -->\n"
    r"```http\n(?P<http>.*?)\n```\n\n```log\n(?P<log>.*?)```",
    re.MULTILINE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)")
_ESCAPED = {"r": "\r", "n": "\n", "t": "\t", "f": "\f"}


class Case(NamedTuple):
    """A response, and what llhttp makes of it."""

    name: str
    data: bytes
    complete: int
    """The number of complete responses that llhttp finds."""
    error: bool
    status: int
    body: bytes


def prove() -> Outcome:
    """Read every case of llhttp for strict clients, and compare the outcome."""
    cases = _fetch_cases()
    faults, stricter = [], []
    same = 0
    for case in cases:
        fault, note = judge(case)
        faults += [f"{case.name}: {fault}"] if fault else []
        stricter += [f"stricter in '{case.name}': {note}"] if note else []
        same += not fault and not note
    if not cases:
        faults = ["no cases were found"]
    notes = [f"{len(cases)} cases of llhttp, from {_FROM}: {same} have the same outcome", *stricter]
    return Outcome("The reader is never laxer than llhttp", faults, notes)


def judge(case: Case) -> tuple[str, str]:
    """Return what is wrong with our outcome, and why we are stricter; both may be empty."""
    reader = ResponseReader()
    try:
        ours = reader.feed(case.data)
    except Broken as refusal:
        return "", "" if case.error else str(refusal)
    if ours is None:
        return ("waits for more of a whole response", "") if case.complete else ("", "")
    if case.error or case.complete != 1:
        return "accepted, but llhttp refuses it or finds no single response", ""
    if (ours.status, bytes(ours.body)) != (case.status, case.body):
        return "read otherwise than by llhttp", ""
    return "", ""


def parse_cases(text: str) -> list[Case]:
    """Return the cases in one of llhttp's Markdown files."""
    return [
        _case(found["name"], _bytes(found["http"]), found["log"]) for found in _CASE.finditer(text)
    ]


def _case(name: str, data: bytes, log: str) -> Case:
    status = re.search(r"headers complete status=(\d+)", log)
    spans = re.findall(r"off=(\d+) len=(\d+) span\[body\]", log)
    return Case(
        name,
        data,
        complete=len(re.findall(r"message complete", log)),
        error="error code=" in log,
        status=int(status[1]) if status else 0,
        body=b"".join(data[int(at) : int(at) + int(size)] for at, size in spans),
    )


def _bytes(text: str) -> bytes:
    """Return the bytes of a case: its lines end with CR LF, and backslashes escape."""
    lines = text.replace("\\\n", "").replace("\n", "\r\n")

    def unescaped(found: re.Match[str]) -> str:
        code = found[1]
        return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPED.get(code, code)

    return _ESCAPE.sub(unescaped, lines).encode("latin-1", "replace")


def _fetch_cases() -> list[Case]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--no-binary=aiohttp", "-d", folder, _FROM]
        print(f"conformance: downloading {_FROM}", file=sys.stderr, flush=True)
        subprocess.run(command, check=True)
        [file] = Path(folder).glob("*.tar.gz")
        with tarfile.open(file) as archive:
            texts = [
                archive.extractfile(member).read().decode()  # type: ignore[union-attr]
                for member in archive
                if _FOLDER in member.name and member.name.endswith(".md")
            ]
    return [case for text in texts for case in parse_cases(text)]
