"""Recordings of the command line: real runs on a terminal, against moto's server.

Nothing in a recording is another in each run: ``_steady`` replaces it.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text
from support.terminal import Terminal

from core_backend.testing.moto_server import MotoServer

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["record_commands", "record_demo"]

_ROOT = Path(__file__).resolve().parents[2]
_REGION = "eu-west-1"
_VALUE = "typed, and not shown"
_TEMPLATE = {
    "Key": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "dev/api-key"}},
    "Role": {"Type": "AWS::IAM::Role", "Properties": {}},
    "Charge": {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Handler": "handler.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Environment": {"Variables": {"API_KEY": {"Ref": "Key"}}},
        },
    },
}
_FILES = {
    "pyproject.toml": '[tool.core_backend]\nnames = "names.py"\nenv = "dev"\n',
    "names.py": 'from core_backend import SecretName\n\nAPI_KEY = SecretName("api-key")\n',
    "handler.py": (
        "from core_backend import get_env, get_secret, sync_handler\n"
        "from names import API_KEY\n\n\n"
        "@sync_handler\n"
        "def handler(event, context):\n"
        "    return len(get_secret(get_env(API_KEY)).result())\n"
    ),
    "template.json": json.dumps({"Resources": _TEMPLATE}),
}
# What follows the first eight characters of a version.
_TAIL = "-4f1c-8d0e-93b2-5a7d20c6e814"
_COLUMNS = 72
# rich's own format loads a font from elsewhere.
_FORMAT = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<style>
  text {{ font: {char_height}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace }}
  {styles}
</style>
<defs>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})">
{backgrounds}
{matrix}
</g>
</svg>
"""


def record_commands() -> str:
    """Return ``check``, ``status`` and ``set`` as SVG."""
    with MotoServer(region=_REGION) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in _FILES.items():
            (folder / file).write_text(content, encoding="utf-8")
        server.client().create_secret(Name="dev/api-key")
        shown = [
            _run(command, folder, server.env)
            for command in (
                "check --template template.json --handler handler.py",
                "secrets status",
                "secrets set api-key",
                "secrets status",
            )
        ]
    return _draw("core-backend", "\n".join(shown))


def record_demo() -> str:
    """Return ``demo`` as SVG."""
    return _draw("core-backend demo", _run("demo", _ROOT, {}))


def _run(arguments: str, folder: Path, variables: Mapping[str, str]) -> str:
    """Run a command on a terminal, and return what the terminal shows, with the prompt."""
    command = [sys.executable, "-m", "core_backend.cli", *arguments.split()]
    own = ("AWS_", "CORE_BACKEND_", "NO_COLOR")
    env = {key: value for key, value in os.environ.items() if not key.startswith(own)}
    with Terminal(command, env=env | variables, cwd=str(folder), columns=_COLUMNS) as person:
        if " set " in arguments:
            for prompt in ("(not shown): ", "The same again: "):
                person.expect(prompt)
                person.type(f"{_VALUE}\r")
        person.wait()
    return f"\x1b[1;32m$\x1b[0m \x1b[1mcore-backend {arguments}\x1b[0m\n{person.output}"


def _draw(title: str, shown: str) -> str:
    console = Console(
        record=True,
        width=_COLUMNS,
        file=io.StringIO(),
        force_terminal=True,
        color_system="standard",
    )
    console.print(Text.from_ansi(_steady(shown)), highlight=False)
    return console.export_svg(title=title, code_format=_FORMAT, unique_id="recording")


def _steady(shown: str) -> str:
    """Return a recording without what is another in each run.

    Durations become dots. Each id becomes another, by how many came before it.
    """
    shown = shown.replace("\r\n", "\n")
    shown = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\dZ", "2026-11-24 09:30Z", shown)
    shown = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:5000", shown)
    shown = re.sub(r"(?<=after )\d+ ms", "… ms", shown)
    # In a column, which stays as wide as it is.
    shown = re.sub(r" +[\d.]+ ms", lambda found: "… ms".rjust(len(found[0])), shown)
    # Three calls at the same time, in any order.
    shown = re.sub(
        r"(?<= calls: )[\w/, -]+", lambda found: ", ".join(sorted(found[0].split(", "))), shown
    )
    shown = re.sub(r"(?<=[0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}", _TAIL, shown)
    ids: dict[str, str] = {}
    return re.sub(
        r"\b[0-9a-f]{8}\b",
        lambda found: ids.setdefault(found[0], sha256(b"%d" % len(ids)).hexdigest()[:8]),
        shown,
    )
