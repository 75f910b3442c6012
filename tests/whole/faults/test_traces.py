"""Errors reach callers without the frames of the sources, which hold answers and credentials."""

from __future__ import annotations

import traceback

import pytest
from support import faults
from support.leaks import assert_sealed

from core_backend import CoreBackendError, get_secret
from core_backend.errors import SecretError

FOREIGN = ("core_backend.sources", "aiobotocore", "botocore", "aiohttp", "http", "ssl", "json")


def modules_of(error):
    """Return the modules of all frames that an exception, its causes and contexts lead to."""
    found, todo = set(), [error]
    while todo:
        one = todo.pop()
        todo += [more for more in (one.__cause__, one.__context__) if more is not None]
        frames = traceback.walk_tb(one.__traceback__)
        found |= {frame.f_globals["__name__"] for frame, _ in frames}
    return found


def assert_bare(error):
    """Assert that no frame of a source can be reached from an error, and no planted secret."""
    assert isinstance(error, CoreBackendError)
    assert error.__cause__ is error.__context__ is None
    assert not [name for name in modules_of(error) if name.startswith(FOREIGN)]
    assert_sealed(error)


async def fail():
    with pytest.raises(CoreBackendError) as caught:
        await get_secret("db", fresh=True)
    return caught.value


@pytest.fixture
def settings():
    return {"attempts": 1}


ANSWERS = {
    "refused": faults.error("AccessDeniedException", "pl4nted"),
    "expired token": faults.error("ExpiredTokenException", "pl4nted"),
    "unknown code": faults.error("ValidationException", "pl4nted"),
    "no JSON": faults.non_json,
    "no secret": faults.body(b'{"VersionId": "v", "SecretString": ["pl4nted"]}'),
    "another secret": faults.body(
        b'{"Name": "x", "VersionId": "v", "SecretString": "pl4nted", "ARN": "arn"}'
    ),
    "truncated": faults.truncated,
    "reset": faults.reset_mid_body,
    "no HTTP": faults.raw(b"pl4nted\r\n\r\n"),
}


@pytest.mark.parametrize("fault", ANSWERS.values(), ids=ANSWERS)
async def test_no_frame_of_a_source_comes_with_an_error(process, service, fault):
    service.always(fault)
    assert_bare(await fail())


ENVIRONMENTS = {
    "untrusted": {"AWS_CA_BUNDLE": "/etc/hostname"},
    "token": {"AWS_SESSION_TOKEN": "pl4nted\n"},
    "endpoint": {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://10.0.0.1"},
    "key": {"AWS_SECRET_ACCESS_KEY": "pl4nted\udcff"},
    "no region": {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""},
    "no profile": {"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "pl4nted"},
}


@pytest.mark.parametrize("change", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
async def test_nor_with_an_error_about_the_environment(process, environ, change):
    for name, value in change.items():
        environ.setenv(name, value)
    error = await fail()
    assert_bare(error)
    assert "defect" not in str(error)
    assert process.calls == 0


@pytest.mark.parametrize("kind", [CoreBackendError, SecretError])
async def test_without_the_boundary_they_would(process, service, environ, monkeypatch, kind):
    """The tests above can fail: they do once ``fresh`` returns the error as it is."""
    if kind is SecretError:
        service.always(faults.non_json)
    else:
        environ.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://10.0.0.1")
    monkeypatch.setattr(kind, "fresh", lambda self: self)
    error = await fail()
    with pytest.raises(AssertionError):
        assert_bare(error)
