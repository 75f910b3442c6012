"""Redaction under Lambda's own runtime client, whose handler is there before any of our code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core_backend.testing.local_lambda import LocalLambda
from core_backend.testing.moto_server import MotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTIONS = Path(__file__).parents[2] / "functions"
# Fetches while it starts, as for a snapshot, and says what is known of it once it is taken.
FROZEN = """
import gc, logging, snapshot_restore_py

@snapshot_restore_py.register_before_snapshot  # first in, last out
def look():
    gc.collect()
    known = [one._forms for one in gc.get_objects() if type(one).__name__ == "Redactor"]
    print("in the snapshot:", sum(map(len, known)), len(logging.root.handlers[0].filters))

from core_backend import get_secret

log = logging.getLogger("frozen")
log.warning("starting with %s", get_secret("plain").result())

def handler(event, context):
    log.warning("restored with %s", get_secret("plain").result())
"""


@pytest.fixture(scope="module")
def server() -> Iterator[MotoServer]:
    with MotoServer() as server:
        client = server.client()
        client.create_secret(Name="plain", SecretString="pl4nted-plain")
        document = json.dumps({"password": "pl4nted-pass/word", "port": 5432})
        client.create_secret(Name="document", SecretString=document)
        yield server


def logged(server: MotoServer, **env: str) -> str:
    env = {**server.env, "CORE_BACKEND_REDACT_LOGS": "true", **env}
    with LocalLambda("careless.handler", FUNCTIONS, env=env) as function:
        result = function.invoke()
        assert result.error is None, result.error.type
        assert result.payload == len("pl4nted-plain")
        return "\n".join(function.log_lines)


def test_lambdas_text_format_shows_no_value(server: MotoServer) -> None:
    log = logged(server)
    assert "pl4nted" not in log
    assert "plain *** and ***" in log
    assert "document {'parsed': {'password': '***', 'port': 5432}}" in log
    assert "KeyError: '***'" in log
    assert "ValueError: refused: ***" in log
    assert log.count("late ***") == 2


def test_lambdas_json_format_shows_no_value(server: MotoServer) -> None:
    log = logged(server, AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL="DEBUG")
    assert "pl4nted" not in log
    lines = [json.loads(line) for line in log.splitlines() if '"careless"' in line]
    assert lines[0]["message"] == "plain *** and ***"
    assert (lines[2]["message"], lines[2]["header"]) == ({"key": "***"}, "Bearer ***")
    assert lines[3]["errorMessage"] == "refused: ***"
    assert lines[3]["errorType"] == "ValueError"
    assert lines[4]["message"] == "late ***"


def test_a_snapshot_holds_nothing_of_it_and_what_is_restored_masks_again(
    server: MotoServer, tmp_path: Path
) -> None:
    (tmp_path / "handler.py").write_text(FROZEN, encoding="utf-8")
    env = {**server.env, "CORE_BACKEND_REDACT_LOGS": "true"}
    with LocalLambda(task_root=tmp_path, env=env, snap_start=True) as function:
        assert function.invoke().error is None
        log = "\n".join(function.log_lines)
    assert "starting with ***" in log
    # The one filter is the runtime's own.
    assert "in the snapshot: 0 1" in log
    assert "restored with ***" in log
    assert "pl4nted" not in log
