"""A document as it is stored, and what becomes of it where it does not fit its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from core_backend import SecretFormatError, SecretName, get_secret

if TYPE_CHECKING:
    from support.scripted import World

DB = SecretName("db")
STORED = {
    "username": "pl4nted-user",
    "password": "pl4nted-pässword",
    "port": 5432,
    "hosts": ["pl4nted-host", {"deep": ["pl4nted-deep"]}],
    "tls": True,
    "none": None,
}


def store(w: World, value: str | bytes) -> None:
    w.source.secrets["prod/db"] = value


async def fault_of(name: SecretName[Any]) -> SecretFormatError:
    """Return the error of reading the secret so, having looked through it for the value."""
    with pytest.raises(SecretFormatError) as caught:
        await get_secret(name)
    error = caught.value
    assert error.secret_id == "prod/db"
    assert str(error).startswith("secret 'prod/db': ")
    assert error.__cause__ is error.__context__ is None
    frames = []
    traceback = error.__traceback__
    while traceback is not None:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    shown = repr((error, error.args, vars(error)))
    shown += "".join(repr(f.f_locals) for f in frames if "core_backend" in f.f_code.co_filename)
    assert "pl4nted" not in shown
    return error
