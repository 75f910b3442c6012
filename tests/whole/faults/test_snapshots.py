"""Snapshots and restores: row 19, under the runtime client with Lambda's own hooks."""

from __future__ import annotations

import pytest

MARK = "pl4nted-in-a-snapshot"
NEW = "pl4nted-after-the-restore"


@pytest.fixture(params=["in the environment", "behind an endpoint"])
def credentials(request, credentials_server):
    """Credentials, as Lambda has them everywhere else and as it has them under SnapStart."""
    if request.param == "in the environment":
        return None
    credentials_server.answer["Token"] = f"{MARK}-token"
    return credentials_server


@pytest.fixture
def function(deployed, service, credentials):
    service.put("db", MARK)
    service.put("login", MARK)
    env = {"KRAM": MARK[::-1], "DETCEPXE": NEW[::-1], "LOGIN": "login"}
    if credentials is not None:
        env |= credentials.env
    return deployed("snapshot.handler", env=env, snap_start=True)


def test_row_19_no_value_is_in_the_snapshot_and_the_restore_fetches_once(
    function, service, credentials
):
    function.start()
    asked = sorted(call.secret_id for call in service.calls)
    assert asked == ["absent", "db", "db", "db", "login"]
    # Nor is a connection.
    service.wait_for_open(0)
    service.put("db", NEW)
    service.forget()
    if credentials is not None:
        credentials.wait_for_open(0)
        credentials.requests.clear()
        service.keys = {"ASIARESTORED": "pl4nted-restored-key"}
        credentials.answer |= {
            "AccessKeyId": "ASIARESTORED",
            "SecretAccessKey": "pl4nted-restored-key",
        }

    function.restore()
    service.wait_for_calls(1)  # prefetched, before there is an invocation
    for _ in range(3):
        result = function.invoke({})
        assert result.error is None, result.error
        started, primed, after = result.payload["seen"]
        assert started > 0  # or the search would prove nothing
        assert primed > 0
        assert after == 0
        assert result.payload["right"]
    assert [call.secret_id for call in service.calls] == ["db"]
    if credentials is not None:
        assert len(credentials.requests) == 1
