"""The made-up service itself: what other tests conclude from it has to be true."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
)
from support.faults import AtConnect, Held, chunked, close_after, error, reset, throttled
from support.secret_service import SecretService


@pytest.fixture
def service():
    with SecretService({"db": "pl4nted-db"}, verify=True) as running:
        yield running


def client_of(service):
    environ = service.environ
    return boto3.session.Session(
        environ["AWS_ACCESS_KEY_ID"],
        environ["AWS_SECRET_ACCESS_KEY"],
        environ["AWS_SESSION_TOKEN"],
        region_name=environ["AWS_REGION"],
    ).client(
        "secretsmanager",
        endpoint_url=environ["AWS_ENDPOINT_URL_SECRETS_MANAGER"],
        verify=environ["AWS_CA_BUNDLE"],
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture
def client(service):
    client = client_of(service)
    yield client
    client.close()


def test_an_sdk_is_served_and_its_signature_verified(service, client):
    answer = client.get_secret_value(SecretId="db")
    assert answer["SecretString"] == "pl4nted-db"
    [call] = service.calls
    assert call.operation == "GetSecretValue"
    assert call.secret_id == "db"
    assert call.scope.endswith("/eu-central-1/secretsmanager/aws4_request")
    assert call.has_token


def test_a_wrong_signature_and_an_unknown_key_are_refused(service, client):
    service.keys["AKIDEXAMPLE"] = "pl4nted-another"
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        client.get_secret_value(SecretId="db")
    service.keys.clear()
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        client.get_secret_value(SecretId="db")


def test_versions_stages_and_arns_are_told_apart(service, client):
    old = client.get_secret_value(SecretId="db")["VersionId"]
    new = service.put("db", b"pl4nted-\xff")
    assert (
        client.get_secret_value(SecretId=service.vault.arn("db"))["SecretBinary"] == b"pl4nted-\xff"
    )
    previous = client.get_secret_value(SecretId="db", VersionStage="AWSPREVIOUS")
    assert (previous["VersionId"], previous["SecretString"]) == (old, "pl4nted-db")
    assert client.get_secret_value(SecretId="db", VersionId=old)["VersionId"] == old
    assert client.describe_secret(SecretId="db")["VersionIdsToStages"] == {
        old: ["AWSPREVIOUS"],
        new: ["AWSCURRENT"],
    }


@pytest.mark.parametrize(
    ("parameters", "code", "words"),
    [
        ({"SecretId": "none"}, "ResourceNotFoundException", "the specified secret."),
        ({"SecretId": "empty"}, "ResourceNotFoundException", "staging label: AWSCURRENT"),
        ({"SecretId": "db", "VersionId": "x" * 32}, "ResourceNotFoundException", "VersionId: xx"),
        ({"SecretId": "gone"}, "InvalidRequestException", "marked for deletion"),
    ],
)
def test_what_is_missing_is_answered_as_aws_words_it(service, client, parameters, code, words):
    service.vault.create_empty("empty")
    service.put("gone", "pl4nted-gone")
    service.vault.delete("gone")
    with pytest.raises(ClientError, match=words) as caught:
        client.get_secret_value(**parameters)
    assert caught.value.response["Error"]["Code"] == code


def test_an_operation_it_does_not_know_is_refused(service, client):
    with pytest.raises(ClientError, match="UnknownOperationException"):
        client.list_secrets()


def test_a_script_is_followed_one_request_at_a_time_then_served(service, client):
    service.script(throttled, error("InternalFailure", status=500), None, chunked, close_after)
    codes = []
    for _ in range(6):
        if len(codes) == 5:
            service.wait_for_open(0)
        try:
            codes.append(client.get_secret_value(SecretId="db")["SecretString"])
        except ClientError as refused:
            codes.append(refused.response["Error"]["Code"])
    assert codes == ["ThrottlingException", "InternalFailure", *["pl4nted-db"] * 4]
    assert [(call.connection, call.nth) for call in service.calls][-2:] == [(1, 5), (2, 1)]


def test_a_fault_can_last(service, client):
    service.always(throttled)
    for _ in range(2):
        with pytest.raises(ClientError, match="Throttling"):
            client.get_secret_value(SecretId="db")
    service.forget()
    client.get_secret_value(SecretId="db")
    assert len(service.calls) == 1


def test_a_broken_connection_is_broken(service, client):
    service.script(AtConnect.REFUSE, reset)
    # Whether connecting still succeeds is a race between the client and the reset. Not by the SDK:
    # depending on who wins, it leaves a socket open.
    with (
        pytest.raises(ConnectionError),
        socket.create_connection(("127.0.0.1", service.port)) as refused,
    ):
        refused.recv(1)
    with pytest.raises((ConnectionClosedError, OSError)) as caught:
        client.get_secret_value(SecretId="db")
    assert "pl4nted" not in str(caught.value)
    assert len(service.calls) == 1


def test_a_held_answer_is_the_one_of_its_arrival(service, client):
    held = Held()
    service.script(held)
    answers = []
    asking = threading.Thread(
        target=lambda: answers.append(client.get_secret_value(SecretId="db")["SecretString"])
    )
    asking.start()
    service.wait_for_calls(1)
    service.put("db", "pl4nted-newer")
    held.release()
    asking.join()
    assert answers == ["pl4nted-db"]


def test_connections_are_counted(service):
    connections = [connect(service) for _ in range(3)]
    assert service.connections == service.open_connections == service.most_open == 3
    service.close_connections()
    assert [connection.recv(1) for connection in connections] == [b""] * 3
    assert service.open_connections == 0
    assert service.most_open == 3
    for connection in connections:
        connection.close()


def test_while_it_refuses_the_kernel_refuses(service):
    with service.refusing(), pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", service.port))
    connect(service).close()


def test_a_client_that_trusts_nobody_is_counted_as_a_failed_handshake(service):
    context = ssl.create_default_context()
    raw = socket.create_connection(("127.0.0.1", service.port))
    with pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(raw, server_hostname="127.0.0.1")
    service.wait_for_open(0)
    assert service.failed_handshakes == 1


def test_it_runs_as_a_process_of_its_own():
    command = [sys.executable, "-m", "support.secret_service", "--secret", "db=pl4nted-process"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    ) as process:
        environ = json.loads(process.stdout.readline())
        assert environ["AWS_ENDPOINT_URL_SECRETS_MANAGER"].startswith("https://127.0.0.1:")

        def tell(line):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        assert tell("latency 0.001") == tell("put db pl4nted-2") == {}
        assert tell("script throttled") == {}
        assert tell("stats") == {"calls": 0, "connections": 0, "open": 0, "most_open": 0}
        assert tell("forget") == {}
        assert "error" in tell("sing")
        process.stdin.close()
        assert process.wait(10) == 0


def connect(service):
    context = ssl.create_default_context(cafile=service.environ["AWS_CA_BUNDLE"])
    raw = socket.create_connection(("127.0.0.1", service.port))
    return context.wrap_socket(raw, server_hostname="127.0.0.1")
