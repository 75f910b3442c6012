"""What AWS, and Lambda's environment, accept as a secret's name, id, stage and variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_backend.errors import InvalidSecretNameError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "DEFAULT_STAGE",
    "RESERVED_ENV_KEYS",
    "SETTABLE_ENV_KEYS",
    "check_field",
    "check_name",
    "check_parse",
    "check_secret_id",
    "check_stage",
    "check_version",
    "env_key_of",
    "is_env_key",
]

DEFAULT_STAGE = "AWSCURRENT"

# Source: Secrets Manager API reference, CreateSecret (Name), GetSecretValue (SecretId, VersionId,
# VersionStage).
_MAX_NAME = 512
_MAX_ID = 2048
_MAX_STAGE = 256
_MAX_VERSION = 64
# Not as regular expressions: to compile these three takes half a millisecond of a cold start.
_LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_NAME = f"{_LETTERS_AND_DIGITS}/_+=.@-"
# Wider than a name, by no more than it must be: an ARN has colons, and the secrets that other
# services manage are called "rds!db-..." or "events!connection/...".
_ID = f"{_NAME}!:"
_ENV_KEY = f"{_LETTERS_AND_DIGITS}_"
_SHORTEST_ENV_KEY = 2
# What the system and the usual HTTP clients obey. With a secret's name in it, a function asks a
# proxy that is not there, or trusts no certificate.
_OBEYED = frozenset(
    {
        "ALL_PROXY",
        "CURL_CA_BUNDLE",
        "HOME",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_PROXY",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
    }
)
# Source: Lambda developer guide, "Defined runtime environment variables", the unreserved ones. No
# names for a secret, all of these, but a function's to set.
SETTABLE_ENV_KEYS = _OBEYED | {"LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TZ"}
# Source: as above, the reserved ones, which Lambda refuses.
RESERVED_ENV_KEYS = SETTABLE_ENV_KEYS | frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_MAX_CONCURRENCY",
        "AWS_LAMBDA_METADATA_API",
        "AWS_LAMBDA_METADATA_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
_OWN_PREFIX = "CORE_BACKEND_"

# How much of a name or id a message quotes.
_MAX_SHOWN = 60


def check_name(name: object, what: str = "secret name") -> None:
    """Return if ``name`` is made of what Secrets Manager takes, and raise if not."""
    if not isinstance(name, str):
        raise InvalidSecretNameError(f"the {what} is to be a str, not a {type(name).__name__}")
    if not name:
        raise InvalidSecretNameError(f"the {what} is empty; give it 1 to {_MAX_NAME} characters")
    if len(name) > _MAX_NAME:
        raise InvalidSecretNameError(
            f"the {what} {_shown(name)} has {len(name):,} characters; "
            f"Secrets Manager takes at most {_MAX_NAME}"
        )
    if not _is_made_of(name, _NAME):
        raise InvalidSecretNameError(
            f"the {what} {_shown(name)} has characters that Secrets Manager does not take: "
            f"{_illegal(_NAME, name)}; use letters, digits and /_+=.@-"
        )


def env_key_of(name: str) -> str:
    """Return the environment variable for a secret's name, if Lambda allows it."""
    key = "".join(c if c in _ENV_KEY else "_" for c in name).upper()
    if not is_env_key(key):
        raise InvalidSecretNameError(
            f"the secret name {_shown(name)} would need the environment variable {_shown(key)}, "
            f"which Lambda does not allow: it must begin with a letter and have two characters "
            f"or more; choose another name, such as {_suggestion(name)}"
        )
    owner = _owner_of(key)
    if owner:
        raise InvalidSecretNameError(
            f"the secret name {_shown(name)} would need the environment variable {_shown(key)}, "
            f"which {owner}; choose another name, such as {_suggestion(name)}"
        )
    return key


def is_env_key(key: str) -> bool:
    """Return whether Lambda takes a variable of that name: ``[a-zA-Z][a-zA-Z0-9_]+``.

    Source: Lambda API reference, Environment (Variables).
    """
    long_enough = len(key) >= _SHORTEST_ENV_KEY
    return long_enough and key[0].isalpha() and _is_made_of(key, _ENV_KEY)


def check_parse(parse: Callable[[Any], Any] | None, name: str) -> Callable[[Any], Any] | None:
    """Return ``parse`` if it can be called, or is ``None``."""
    if parse is not None and not callable(parse):
        raise InvalidSecretNameError(
            f"parse of secret {_shown(name)} is a {type(parse).__name__}, not something to call "
            f"with the stored text; pass a function such as json.loads"
        )
    return parse


def check_field(key: object, name: str) -> str:
    """Return ``key`` if it can be a field of a JSON object."""
    if not isinstance(key, str):
        raise InvalidSecretNameError(
            f"the field of secret {_shown(name)} is to be a str, not a {type(key).__name__}"
        )
    return key


def check_stage(stage: object, name: str) -> str:
    """Return ``stage`` if it can be a staging label."""
    return _label("stage", stage, _MAX_STAGE, name)


def check_version(version_id: object, name: str) -> str | None:
    """Return ``version_id`` if it can be a version's id, or is ``None``."""
    return None if version_id is None else _label("version_id", version_id, _MAX_VERSION, name)


def check_secret_id(value: object) -> str:
    """Return ``value`` if it can be a secret's name or ARN.

    Raises:
        InvalidSecretNameError: It is empty, too long, has characters no id has, or is no ``str``.
    """
    if not isinstance(value, str):
        raise InvalidSecretNameError(
            f"a secret is asked for by its name or ARN, a str, not by a {type(value).__name__}"
        )
    if not value.strip():
        raise InvalidSecretNameError(
            "the secret's id is empty; pass its name or ARN, as get_env(NAME) returns it"
        )
    if len(value) > _MAX_ID:
        raise InvalidSecretNameError(
            f"the secret id {_shown(value)} has {len(value):,} characters; "
            f"Secrets Manager takes at most {_MAX_ID:,}"
        )
    if not _is_made_of(value, _ID):
        raise InvalidSecretNameError(
            f"the secret id {_shown(value)} has characters that no secret's name or ARN has: "
            f"{_illegal(_ID, value)}; check where it was copied or read from"
        )
    return value


def _owner_of(key: str) -> str:
    """Return who else has a use for a variable; nothing where nobody has."""
    if key.startswith(_OWN_PREFIX):
        return "belongs to core_backend's settings"
    if key in _OBEYED:
        return "the system or its HTTP clients obey"
    return "belongs to the Lambda runtime" if key in RESERVED_ENV_KEYS else ""


def _label(what: str, value: object, longest: int, name: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise InvalidSecretNameError(
            f"the {what} of secret {_shown(name)} is {value!r:.80}; "
            f"it must be 1 to {longest} printable characters"
        )
    return str(value)


def _suggestion(name: str) -> str:
    return _shown(f"app-{name.strip('/_+=.@-') or 'secret'}")


def _shown(value: str) -> str:
    # str(), since the repr of a name is not that of its text.
    return repr(str(value) if len(value) <= _MAX_SHOWN else value[: _MAX_SHOWN - 3] + "...")


def _is_made_of(text: str, legal: str) -> bool:
    # Stripped of all the characters it may have, a good text leaves nothing.
    return not text.strip(legal)


def _illegal(legal: str, value: str) -> str:
    return _shown("".join(sorted(set(value).difference(legal))))
