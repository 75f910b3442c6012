"""The direct source against a service with real TLS that checks every signature."""

from __future__ import annotations

import pytest
from support.direct_sources import REQUEST
from support.http_server import HttpServer
from support.secret_service import REGION

from core_backend._configuration import Settings
from core_backend.errors import SecretNotFoundError
from core_backend.sources import SecretRequest
from core_backend.sources.direct import DirectSource
from core_backend.testing.clock import FakeClock


async def test_a_value_comes_with_its_version_over_a_verified_request(service, source):
    found = await source.fetch(REQUEST)
    assert found.value == "pl4nted-db"
    assert (
        found.version_id == service.vault.answer("GetSecretValue", {"SecretId": "db"})["VersionId"]
    )
    assert (await source.fetch(SecretRequest("bin"))).value == b"pl4nted-\xff\x00"
    assert [call.nth for call in service.calls] == [1, 2]
    assert {call.scope for call in service.calls} == {
        f"20231114/{REGION}/secretsmanager/aws4_request"
    }


@pytest.mark.parametrize(
    "secret_id", ["a/b_c+d=e.f@g-h", 'a"b\\c', "\u00fc\u00f1\u4e2d\U0001f511", "x" * 2048, "a:b c"]
)
async def test_unusual_ids_are_signed_right(service, source, secret_id):
    service.put(secret_id, "pl4nted-unusual")
    assert (await source.fetch(SecretRequest(secret_id))).value == "pl4nted-unusual"


async def test_stages_versions_and_arns_are_asked_for(service, source):
    old = (await source.fetch(REQUEST)).version_id
    new = service.put("db", "pl4nted-new")
    assert (await source.fetch(REQUEST)).version_id == new
    assert (await source.fetch(SecretRequest("db", stage="AWSPREVIOUS"))).version_id == old
    assert (await source.fetch(SecretRequest("db", version_id=old))).value == "pl4nted-db"
    arn = service.vault.arn("db")
    assert (await source.fetch(SecretRequest(arn))).version_id == new
    elsewhere = arn.replace(REGION, "us-west-2")
    with pytest.raises(SecretNotFoundError):
        await source.fetch(SecretRequest(elsewhere))
    assert service.calls[-1].scope.split("/")[1] == "us-west-2"


async def test_over_plain_http_on_this_machine_it_is_the_same():
    answer = {"VersionId": "v", "SecretString": "pl4nted-plain"}
    with HttpServer(answer) as server:
        environ = {
            "AWS_ENDPOINT_URL": f"http://localhost:{server.port}",
            "AWS_ACCESS_KEY_ID": "A",
            "AWS_SECRET_ACCESS_KEY": "pl4nted",
            "AWS_REGION": REGION,
        }
        source = DirectSource(Settings(), environ, FakeClock())
        assert (await source.fetch(REQUEST)).value == "pl4nted-plain"
        await source.aclose()
        [request] = server.requests
        assert request.headers["host"] == f"localhost:{server.port}"
        assert request.headers["user-agent"] == "core_backend"
        assert "x-amz-security-token" not in request.headers
