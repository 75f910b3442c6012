"""Errors: one tree, each with what its handler needs, each able to travel."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from core_backend import (
    ConfigurationError,
    CoreBackendError,
    InvalidSecretNameError,
    MissingEnvError,
    SecretError,
    SecretFormatError,
    SecretNotFoundError,
    SecretsFailedError,
    SecretThrottledError,
    SecretTimeoutError,
    errors,
)
from core_backend.sources import failures

OF_ONE_SECRET = sorted(
    (
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, SecretError)
    ),
    key=lambda kind: kind.__name__,
)
FAILURES = {
    "db": SecretNotFoundError("secret 'db': gone", secret_id="db", code="NotFound"),
    "key": SecretThrottledError("secret 'key': slow down", secret_id="key"),
}


def test_all_errors_are_public_and_have_one_root():
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind)]
    ours = {kind for kind in kinds if kind.__module__ == errors.__name__}
    assert {kind.__name__ for kind in ours} == set(errors.__all__)
    assert all(issubclass(kind, CoreBackendError) for kind in ours)


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = errors.__doc__
    for name in errors.__all__:
        assert name in drawn
    assert len(OF_ONE_SECRET) == drawn.split("└── SecretError")[1].count("── ") + 1


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (MissingEnvError, KeyError),
        (InvalidSecretNameError, ValueError),
        (SecretTimeoutError, TimeoutError),
    ],
)
def test_what_python_has_a_name_for_can_be_caught_by_it(kind, builtin):
    assert issubclass(kind, builtin)
    assert issubclass(kind, CoreBackendError)


@pytest.mark.parametrize("kind", OF_ONE_SECRET)
def test_an_error_of_one_secret_says_which_and_what(kind):
    error = kind("what to do", secret_id="db", code="SomeException")
    assert (str(error), error.secret_id, error.code) == ("what to do", "db", "SomeException")
    assert kind("what to do", secret_id="db").code is None


@pytest.mark.parametrize("kind", OF_ONE_SECRET)
def test_an_error_of_one_secret_names_it_always(kind):
    with pytest.raises(TypeError, match="secret_id"):
        kind("what to do")


class CannotBeShown:
    def __repr__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a", "'a'"),
        ("x" * 100, "'" + "x" * 79),
        (CannotBeShown(), "a value of type CannotBeShown that cannot be shown"),
        pytest.param(
            10**5000, "a value of type int that cannot be shown", id="too long for Python to show"
        ),
    ],
)
def test_a_wrong_argument_is_shown_in_part_and_never_fails(value, shown):
    assert errors.show(value) == shown


def test_a_missing_variables_message_is_not_quoted_as_a_key_errors_is():
    error = MissingEnvError("DB is not set", variables=("DB",))
    assert str(error) == "DB is not set"
    assert error.variables == ("DB",)
    assert MissingEnvError("DB is not set").variables == ()


def same(one, other):
    """Whether two errors tell the same."""
    shown = [(type(e), str(e), e.args) for e in (one, other)]
    kept = [
        {k: v for k, v in vars(e).items() if k != "failures"} | {"args": e.args}
        for e in (one, other)
    ]
    return shown[0] == shown[1] and kept[0] == kept[1]


EVERY_KIND = [
    CoreBackendError("what to do"),
    ConfigurationError("what to do"),
    InvalidSecretNameError("what to do"),
    MissingEnvError("DB is not set", variables=("DB",)),
    *(kind("what to do", secret_id="db", code="Code") for kind in OF_ONE_SECRET),
    SecretsFailedError.of(FAILURES),
]
each_kind = pytest.mark.parametrize("error", EVERY_KIND, ids=lambda error: type(error).__name__)


@each_kind
def test_a_fresh_instance_tells_the_same_without_the_past(error):
    with pytest.raises(CoreBackendError) as caught:
        raise error from ValueError("why")
    fresh = caught.value.fresh()
    assert fresh is not error
    assert same(fresh, error) or isinstance(error, SecretsFailedError)
    assert fresh.__traceback__ is fresh.__cause__ is fresh.__context__ is None


@each_kind
@pytest.mark.parametrize(
    "travel",
    [copy.copy, copy.deepcopy]
    + [lambda error, p=p: pickle.loads(pickle.dumps(error, p)) for p in range(6)],
)
def test_an_error_travels_to_other_processes_whole(error, travel):
    arrived = travel(error)
    assert arrived is not error
    if isinstance(error, SecretsFailedError):
        assert arrived.failures.keys() == error.failures.keys()
        assert all(same(arrived.failures[name], error.failures[name]) for name in error.failures)
    else:
        assert same(arrived, error)


def test_several_failures_are_all_named_with_the_reasons():
    error = SecretsFailedError.of(FAILURES)
    assert str(error) == (
        "2 secrets could not be fetched:"
        "\n  SecretNotFoundError: secret 'db': gone"
        "\n  SecretThrottledError: secret 'key': slow down"
    )
    assert error.secret_id == "db, key"
    assert dict(error.failures) == FAILURES


def test_several_failures_cannot_be_changed():
    error = SecretsFailedError.of(FAILURES)
    with pytest.raises(TypeError):
        error.failures["other"] = FAILURES["db"]


def test_fresh_failures_are_fresh_each():
    error = SecretsFailedError.of(FAILURES)
    fresh = error.fresh()
    assert str(fresh) == str(error)
    for name, failure in fresh.failures.items():
        assert failure is not FAILURES[name]
        assert same(failure, FAILURES[name])


# No answer of the service stands for these.
OF_OUR_OWN = {SecretError, SecretFormatError, SecretTimeoutError, SecretsFailedError}


@pytest.mark.parametrize("kind", OF_ONE_SECRET)
def test_an_error_that_an_answer_stands_for_has_its_advice(kind):
    assert (kind in failures._ADVICE) is (kind not in OF_OUR_OWN), (
        f"{kind.__name__}: give sources/failures._ADVICE a row that says what to do about it, and "
        f"cli/failures one as well; or, if no answer of the service stands for it, add it here"
    )
