"""What a source is asked: the call's parameters, the cache's key, the name in messages."""

from __future__ import annotations

import pytest

from core_backend.sources import SecretRequest

CURRENT = SecretRequest("db")
PREVIOUS = SecretRequest("db", "AWSPREVIOUS")
PINNED = SecretRequest("db", version_id="v1")
PINNED_AND_STAGED = SecretRequest("db", "AWSPREVIOUS", "v1")


@pytest.mark.parametrize(
    ("request_", "parameters"),
    [
        (CURRENT, {"SecretId": "db"}),
        (PREVIOUS, {"SecretId": "db", "VersionStage": "AWSPREVIOUS"}),
        # With the default stage as well, the service would want it to be the current version.
        (PINNED, {"SecretId": "db", "VersionId": "v1"}),
        (
            PINNED_AND_STAGED,
            {"SecretId": "db", "VersionId": "v1", "VersionStage": "AWSPREVIOUS"},
        ),
    ],
)
def test_the_parameters_are_those_of_get_secret_value(request_, parameters):
    assert request_.parameters() == parameters


@pytest.mark.parametrize(
    ("request_", "label"),
    [
        (CURRENT, "db"),
        (PREVIOUS, "db [AWSPREVIOUS]"),
        (PINNED, "db [v1]"),
        (PINNED_AND_STAGED, "db [v1]"),
    ],
)
def test_the_label_tells_stage_and_version_where_they_are_not_the_usual(request_, label):
    assert request_.label == label


def test_each_stage_and_version_has_a_key_of_its_own():
    requests = [CURRENT, PREVIOUS, PINNED, PINNED_AND_STAGED, SecretRequest("other")]
    assert len({request.key for request in requests}) == len(requests)
    assert SecretRequest("db", "AWSCURRENT").key == CURRENT.key == "db"


def test_requests_are_the_same_where_the_same_is_asked_for():
    assert SecretRequest("db") == CURRENT
    assert {SecretRequest("db", "AWSPREVIOUS"), PREVIOUS} == {PREVIOUS}
    assert CURRENT not in (PREVIOUS, PINNED, "db")


def test_a_request_shows_what_is_asked_for():
    assert repr(PREVIOUS) == "<SecretRequest 'db [AWSPREVIOUS]'>"
