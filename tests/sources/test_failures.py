"""Failures: the service's code decides which error it is, and every error says what to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.leaks import assert_sealed

from core_backend import (
    ConfigurationError,
    SecretAccessDeniedError,
    SecretDecryptionError,
    SecretDeletedError,
    SecretError,
    SecretNotFoundError,
    SecretNotSetError,
    SecretThrottledError,
    SecretUnavailableError,
)
from core_backend.errors import CREDENTIAL_CODES
from core_backend.sources import SecretRequest
from core_backend.sources.failures import failure_of

REQUEST = SecretRequest("prod/db", "AWSPREVIOUS")
LABEL = "prod/db [AWSPREVIOUS]"

# What the service says, word for word where the words decide.
CANNOT_FIND = "Secrets Manager can't find the specified secret"
NO_VALUE = CANNOT_FIND + " value for staging label: AWSCURRENT"
NO_VERSION = CANNOT_FIND + " value for VersionId: 0a1b"
NOT_AUTHORIZED = (
    "User: arn:aws:sts::123456789012:assumed-role/charge/charge is not authorized to perform: {} "
    "because no identity-based policy allows the action"
)
GET = NOT_AUTHORIZED.format(
    "secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:eu-west-1:1:secret:{}"
)


def failure(code, message="", status=400):
    return failure_of(REQUEST, code, message, status=status)


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("ThrottlingException", "Rate exceeded", SecretThrottledError),
        ("TooManyRequestsException", "", SecretThrottledError),
        ("LimitExceededException", "", SecretThrottledError),
        ("LimitExceededForSomethingNew", "", SecretThrottledError),
        ("RequestLimitExceeded", "", SecretThrottledError),
        ("ResourceNotFoundException", CANNOT_FIND + ".", SecretNotFoundError),
        ("ResourceNotFoundException", NO_VALUE, SecretNotSetError),
        ("ResourceNotFoundException", NO_VERSION, SecretNotSetError),
        (
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
            SecretDeletedError,
        ),
        (
            "InvalidRequestException",
            "You tried to perform the operation on a secret that's currently marked deleted.",
            SecretDeletedError,
        ),
        ("AccessDeniedException", GET.format("prod/db"), SecretAccessDeniedError),
        ("AccessDeniedException", GET.format("kms-key"), SecretAccessDeniedError),
        ("AccessDeniedException", GET.format("my/kms"), SecretAccessDeniedError),
        ("AccessDeniedException", "Access to KMS is not allowed", SecretDecryptionError),
        ("AccessDeniedException", NOT_AUTHORIZED.format("kms:Decrypt"), SecretDecryptionError),
        ("DecryptionFailure", "", SecretDecryptionError),
        ("DecryptionFailureException", "", SecretDecryptionError),
        ("KMSDisabledException", "", SecretDecryptionError),
        ("InternalServiceError", "", SecretUnavailableError),
        ("InternalServiceErrorException", "", SecretUnavailableError),
        ("InternalFailure", "", SecretUnavailableError),
        ("ServiceUnavailable", "", SecretUnavailableError),
        ("RequestTimeout", "", SecretUnavailableError),
        ("ExpiredTokenException", "", SecretAccessDeniedError),
        ("UnrecognizedClientException", "", SecretAccessDeniedError),
        ("InvalidSignatureException", "", SecretAccessDeniedError),
        ("InvalidParameterException", "", ConfigurationError),
        ("InvalidRequestException", "something else", ConfigurationError),
        ("ValidationException", "", ConfigurationError),
        ("UnknownOperationException", "", ConfigurationError),
    ],
)
def test_the_code_decides_which_error_it_is(code, message, kind):
    for status in (400, 500):
        error = failure(code, message, status)
        if kind is not ConfigurationError or status == 400:
            assert type(error) is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, SecretThrottledError),
        (500, SecretUnavailableError),
        (503, SecretUnavailableError),
        (599, SecretUnavailableError),
        (400, ConfigurationError),
        (404, ConfigurationError),
        (302, ConfigurationError),
    ],
)
@pytest.mark.parametrize("code", ["", "SomethingNew", "InvalidRequestException"])
def test_the_status_decides_where_the_code_does_not(code, status, kind):
    assert type(failure(code, status=status)) is kind


@pytest.mark.parametrize("code", sorted(CREDENTIAL_CODES))
def test_refused_credentials_are_told_from_a_denied_secret(code):
    error = failure(code)
    assert "the credentials were refused: they have expired, are of another account" in str(error)
    assert error.code == code


def test_an_error_names_the_secret_the_advice_and_the_code():
    error = failure("AccessDeniedException", "no")
    assert (error.secret_id, error.code) == (LABEL, "AccessDeniedException")
    assert str(error) == (
        "secret 'prod/db [AWSPREVIOUS]': access denied, or there is no such secret (a policy "
        "scoped to one secret hides which); grant the function read, "
        "secret.grant_read(function), and check the name, the Region and the account "
        "(AccessDeniedException)"
    )


def test_a_refused_request_names_the_secret_and_what_to_check():
    assert str(failure("ValidationException")) == (
        "secret 'prod/db [AWSPREVIOUS]': the service refused the request itself "
        "(ValidationException, HTTP 400); check the id, the stage or version, the Region and the "
        "endpoint"
    )


def test_a_missing_previous_version_says_what_makes_one_and_what_to_do():
    assert str(failure("ResourceNotFoundException", NO_VALUE)) == (
        "secret 'prod/db [AWSPREVIOUS]': it has no previous version yet: the first rotation, or "
        "the second put-secret-value, makes one; read the current version, or pass default=... "
        "(ResourceNotFoundException)"
    )


@pytest.mark.parametrize(
    "request_",
    [
        SecretRequest("db"),
        SecretRequest("db", "AWSPENDING"),
        SecretRequest("db", version_id="v1"),
        SecretRequest("db", "AWSPREVIOUS", "v1"),
    ],
)
def test_another_stage_or_version_without_a_value_is_not_called_a_previous_one(request_):
    error = failure_of(request_, "ResourceNotFoundException", NO_VALUE)
    assert "it exists but has no value at that stage or version" in str(error)


def test_without_a_code_the_status_stands_for_it():
    assert str(failure("", status=503)).endswith("try again later (HTTP 503)")
    assert failure("", status=503).code is None
    assert "(HTTP 302); check" in str(failure("", status=302))


@pytest.mark.parametrize(
    "code", ["<html>pl4nted</html>", "pl4nted code", "pl4nted\n", "x" * 101, "{pl4nted}"]
)
def test_what_does_not_look_like_a_code_is_not_repeated(code):
    for status in (302, 503):
        error = failure(code, status=status)
        assert_sealed(error)
        assert f"(HTTP {status})" in str(error)


@given(st.text(), st.text(), st.integers(100, 599))
def test_any_answer_is_one_error_that_does_not_quote_the_message(code, message, status):
    error = failure_of(REQUEST, code, f"{message} pl4nted-in-the-answer", status=status)
    assert isinstance(error, (SecretError, ConfigurationError))
    assert repr(LABEL) in str(error)
    assert_sealed(error)
