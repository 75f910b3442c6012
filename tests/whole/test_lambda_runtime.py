"""The handler under Lambda's own runtime client, with secrets from moto's server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from core_backend.testing.local_lambda import LocalLambda
from core_backend.testing.moto_server import MotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTIONS = Path(__file__).parents[1] / "functions"


@pytest.fixture(scope="module")
def server() -> Iterator[MotoServer]:
    with MotoServer() as server:
        client = server.client()
        for number, name in enumerate(("one", "two", "three"), start=1):
            client.create_secret(Name=name, SecretString=f"pl4nted-{number}")
        yield server


@pytest.fixture
def function(server: MotoServer) -> Iterator[LocalLambda]:
    with LocalLambda("moods.handler", FUNCTIONS, env=server.env) as function:
        yield function


def mood(function: LocalLambda, name: str) -> Any:
    return function.invoke({"mood": name})


def test_cold_and_many_warm_invocations_in_one_process(
    server: MotoServer, function: LocalLambda
) -> None:
    before = len(server.fetches)
    cold = mood(function, "good")
    warm = [mood(function, "good").payload for _ in range(20)]
    assert cold.payload["right"]
    assert warm == [cold.payload] * 20
    assert sorted(server.fetches[before:]) == ["one", "three", "two"]


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("angry", "ValueError", "the handler's own"),
        ("cancelled", "CoreBackendError", "the handler was cancelled"),
        ("lets_a_cancellation_out", "CoreBackendError", "the handler was cancelled"),
        ("timed_out", "TimeoutError", ""),
        ("unserialisable", "Runtime.MarshalError", "set"),
        ("missing", "SecretsFailedError", "'nothing'"),
    ],
)
def test_the_process_survives_what_a_handler_does(
    function: LocalLambda, name: str, kind: str, message: str
) -> None:
    before = mood(function, "good").payload
    failed = mood(function, name)
    assert failed.error is not None
    assert failed.error.type == kind
    assert message in failed.error.message
    assert mood(function, "good").payload["pid"] == before["pid"]


def test_an_error_names_every_secret_that_failed(function: LocalLambda) -> None:
    error = mood(function, "missing").error
    assert "secret 'nothing'" in error.message
    assert "secret 'nowhere'" in error.message
    assert "pl4nted" not in str(error)


def test_a_task_left_behind_is_gone_before_the_next_invocation(function: LocalLambda) -> None:
    assert mood(function, "forgetful").payload == "left one behind"
    assert mood(function, "remembers").payload is True


def test_nothing_is_printed_but_what_the_handler_and_the_runtime_print(
    function: LocalLambda,
) -> None:
    assert mood(function, "good").log_lines == ()
    assert mood(function, "forgetful").log_lines == ()
