"""A door that opens to a password, and passwords that follow each other."""

from __future__ import annotations

import asyncio

OLD, NEW, NEWER = "pl4nted-old", "pl4nted-new", "pl4nted-newer"


class RefusedError(Exception):
    """What a client raises when its password is wrong."""


class OtherError(Exception):
    """What has nothing to do with passwords."""


class Door:
    """Lets in who has the password; keeps everybody who came."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.tried: list[str] = []
        self.errors: list[RefusedError] = []

    def open(self, password: str) -> str:
        self.tried.append(password)
        if password == self.password:
            return "in"
        self.errors.append(RefusedError("wrong password"))
        raise self.errors[-1]

    async def open_async(self, password: str) -> str:
        await asyncio.sleep(0)
        return self.open(password)
