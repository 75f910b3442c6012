"""moto's server: it comes and goes with its context, and counts what it is asked."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request

import boto3
import pytest
from support.processes import open_files, wait_until

from core_backend.testing.moto_server import MotoCall, MotoServer


def test_what_is_created_is_fetched_and_noted():
    with MotoServer() as server:
        client = server.client()
        client.create_secret(Name="one", SecretString="pl4nted-moto-one")
        assert client.get_secret_value(SecretId="one")["SecretString"] == "pl4nted-moto-one"
        client.list_secrets()
        assert server.calls == (
            MotoCall("CreateSecret", None),
            MotoCall("GetSecretValue", "one"),
            MotoCall("ListSecrets", None),
        )
        assert server.fetches == ("one",)


def test_calls_are_noted_with_the_time_they_came():
    with MotoServer() as server:
        before = time.monotonic()
        server.client().create_secret(Name="one")
        server.client().list_secrets()
        created, listed = server.call_times
        assert before < created < listed < time.monotonic()


def test_its_environment_leads_an_sdk_there(monkeypatch):
    with MotoServer(region="eu-west-1") as server:
        server.client().create_secret(Name="one", SecretString="pl4nted-moto-env")
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("secretsmanager")
        arn = client.get_secret_value(SecretId="one")["ARN"]
        client.close()
    assert arn.startswith("arn:aws:secretsmanager:eu-west-1:")


def test_other_services_are_served_and_not_noted(monkeypatch):
    with MotoServer() as server:
        request = urllib.request.Request(f"{server.url}/moto-api/data.json")
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
        assert server.calls == ()


def test_each_server_starts_empty():
    with MotoServer() as server:
        server.client().create_secret(Name="one", SecretString="pl4nted-moto-gone")
    with MotoServer() as server:
        assert server.client().list_secrets()["SecretList"] == []


def test_it_listens_on_loopback_alone_and_stops_with_its_context():
    with MotoServer() as server:
        assert server.url.startswith("http://127.0.0.1:")
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(server.url)


def test_no_thread_and_no_file_is_left_open():
    kept = [MotoServer() for _ in range(3)]
    for server in kept:
        with server:
            server.client().list_secrets()
        if server is kept[0]:
            threads, files = threading.active_count(), open_files()
    # A server's threads see that their client is gone a moment later.
    wait_until(lambda: threading.active_count() <= threads)
    wait_until(lambda: open_files() <= files - 2)


def test_it_writes_no_line_for_a_request(capfd):
    with MotoServer() as server:
        server.client().list_secrets()
    assert capfd.readouterr() == ("", "")
