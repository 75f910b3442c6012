"""Errors of the AWS SDK: each has a message and a next step, and none quotes a value."""

from __future__ import annotations

import inspect
import string

import botocore.exceptions as sdk_errors
import pytest

from core_backend import ConfigurationError
from core_backend.cli import failures as cli_failures
from core_backend.cli.failures import local_failure, service_failure
from core_backend.cli.run import CommandError
from core_backend.sources import failures


def answer(code, message="pl4nted", status=400):
    return sdk_errors.ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        "PutSecretValue",
    )


def failure_of(error):
    return service_failure(error, "PutSecretValue", "dev/db", lambda: "account 1, eu-west-1")


@pytest.mark.parametrize(
    ("code", "message", "said"),
    [
        ("ResourceNotFoundException", "", "dev/db does not exist in account 1, eu-west-1"),
        ("ResourceNotFoundException", "no staging label", "dev/db has no value yet"),
        ("InvalidRequestException", "scheduled for deletion", "dev/db is marked for deletion"),
        ("AccessDeniedException", "", "these credentials may not call PutSecretValue on dev/db"),
        ("DecryptionFailure", "", "the KMS key of dev/db cannot be used"),
        ("ThrottlingException", "", "refused PutSecretValue on dev/db: too many requests"),
        ("InternalServiceError", "", "failed at PutSecretValue on dev/db (InternalServiceError)"),
        ("ExpiredTokenException", "", "AWS refused the credentials (ExpiredTokenException)"),
        ("ResourceExistsException", "", "dev/db exists already, or is being deleted"),
        ("LimitsAreStrange", "", "refused PutSecretValue on dev/db (LimitsAreStrange)"),
    ],
)
def test_each_answer_has_a_message_and_a_next_step(code, message, said):
    failure = failure_of(answer(code, message))

    assert said in failure.what
    assert failure.next_step
    assert len(str(failure).splitlines()) == 2


def test_every_error_code_has_a_next_step():
    codes = [
        code for value in vars(failures).values() if isinstance(value, frozenset) for code in value
    ]
    assert len(codes) > 30

    for code in codes:
        assert failure_of(answer(code)).next_step


def test_each_error_that_an_answer_stands_for_has_its_words_here():
    assert {*cli_failures._SERVICE} == {*failures._ADVICE, ConfigurationError}, (
        "cli/failures._SERVICE needs a row for each error that sources/failures._ADVICE has"
    )


def test_the_text_of_the_service_is_left_out():
    assert "pl4nted" not in str(failure_of(answer("ValidationException")))


@pytest.mark.parametrize(
    ("code", "status", "uncertain"),
    [
        ("InternalServiceError", 500, True),
        ("502", 502, True),
        ("ThrottlingException", 400, False),
        ("AccessDeniedException", 400, False),
        ("ValidationException", 400, False),
    ],
)
def test_only_a_failure_of_the_service_is_uncertain(code, status, uncertain):
    failure = failure_of(answer(code, status=status))

    assert failure.uncertain is uncertain


def test_an_answer_without_an_error_code_is_a_refusal():
    failure = failure_of(sdk_errors.ClientError({}, "X"))

    assert failure.what == "Secrets Manager refused PutSecretValue on dev/db ()"


def make_error(kind):
    """Make an error of the SDK, with all that its message needs."""
    fields = [name for _, name, _, _ in string.Formatter().parse(kind.fmt) if name]
    return kind(**{name: f"<{name}>" for name in fields})


KINDS = [
    kind
    for kind in vars(sdk_errors).values()
    if inspect.isclass(kind)
    and issubclass(kind, sdk_errors.BotoCoreError)
    and kind is not sdk_errors.WaiterError  # nothing here waits
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_error_of_the_sdk_has_a_next_step(kind):
    failure = local_failure(make_error(kind))

    assert isinstance(failure, CommandError)
    assert failure.next_step
    assert len(str(failure).splitlines()) == 2


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (sdk_errors.ProfileNotFound, "there is no AWS profile '<profile>'"),
        (sdk_errors.NoRegionError, "there is no Region"),
        (sdk_errors.InvalidRegionError, "'<region_name>' is not a Region"),
        (sdk_errors.SSOTokenLoadError, "there are no AWS credentials to use (SSOTokenLoadError)"),
        (sdk_errors.UnauthorizedSSOTokenError, "there are no AWS credentials to use"),
        (sdk_errors.LoginRefreshRequired, "there are no AWS credentials to use"),
        (sdk_errors.EndpointConnectionError, "<endpoint_url> does not answer"),
        (sdk_errors.ReadTimeoutError, "<endpoint_url> does not answer (ReadTimeoutError)"),
        (sdk_errors.ParamValidationError, "the AWS SDK gave up (ParamValidationError)"),
    ],
)
def test_errors_of_the_sdk_have_their_messages(kind, said):
    assert said in local_failure(make_error(kind)).what


@pytest.mark.parametrize(
    ("kind", "uncertain"),
    [
        (sdk_errors.ReadTimeoutError, True),
        (sdk_errors.ConnectionClosedError, True),
        (sdk_errors.NoCredentialsError, False),
        (sdk_errors.ParamValidationError, False),
    ],
)
def test_only_a_broken_connection_is_uncertain(kind, uncertain):
    assert local_failure(make_error(kind)).uncertain is uncertain
