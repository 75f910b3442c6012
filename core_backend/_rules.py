"""The names, ids, stages and variables that AWS and Lambda's environment accept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_backend.errors import InvalidSecretNameError, show
from core_backend.values import SecretText

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "DEFAULT_STAGE",
    "RESERVED_ENV_KEYS",
    "SETTABLE_ENV_KEYS",
    "check_env_key",
    "check_field",
    "check_name",
    "check_parse",
    "check_secret_id",
    "check_stage",
    "check_version",
    "derive_env_key",
    "is_env_key",
]

DEFAULT_STAGE = "AWSCURRENT"

# Source: Secrets Manager API reference, CreateSecret (Name), GetSecretValue (SecretId, VersionId,
# VersionStage).
_MAX_NAME = 512
_MAX_ID = 2048
_MAX_STAGE = 256
_MAX_VERSION = 64
# Not regular expressions: compiling these three takes half a millisecond of a cold start.
_LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_NAME = f"{_LETTERS_AND_DIGITS}/_+=.@-"
# An ARN has colons, and AWS services put "!" into the names of the secrets that they manage
# ("rds!db-...", "events!connection/..."). CreateSecret takes neither.
_ID = f"{_NAME}!:"
_ENV_KEY = f"{_LETTERS_AND_DIGITS}_"
_SHORTEST_ENV_KEY = 2
# The system and HTTP clients read these. With a secret's name in one of them, a function would ask
# a proxy that does not exist, or trust no certificate.
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
# Source: Lambda developer guide, "Defined runtime environment variables", the unreserved ones. A
# function may set them, but none may carry a secret's name.
SETTABLE_ENV_KEYS = _OBEYED | {"LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TZ"}
# Source: as above, the reserved ones. Lambda refuses them.
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


def check_name(name: object, what: str = "secret name") -> str:
    """Return the text of ``name`` if Secrets Manager can create a secret of that name."""
    if not isinstance(name, str):
        raise InvalidSecretNameError(f"the {what} must be a str, not {_kind(name)}")
    # Not str(): that of an enum's member is "Names.STRIPE".
    text = str.__str__(name)
    if not text:
        raise InvalidSecretNameError(f"the {what} is empty; give it 1 to {_MAX_NAME} characters")
    if len(text) > _MAX_NAME:
        raise InvalidSecretNameError(
            f"the {what} {_shown(name)} has {len(text):,} characters; "
            f"Secrets Manager takes at most {_MAX_NAME}"
        )
    if not _is_made_of(text, _NAME):
        raise InvalidSecretNameError(f"the {what} {_shown(name)} {_character_fault(name)}")
    return text


def derive_env_key(name: str) -> str:
    """Return the environment variable for a secret's name, if Lambda allows it."""
    key = "".join(c if c in _ENV_KEY else "_" for c in name).upper()
    fault = _env_key_fault(key)
    if fault:
        raise InvalidSecretNameError(
            f"the secret name {_shown(name)} would need the environment variable {_shown(key)}, "
            f"which {fault}; choose another name, such as {_suggestion(name)}, or name the "
            f"variable: env_key=..."
        )
    return key


def check_env_key(key: object, name: str) -> str:
    """Return the text of ``key`` if that variable can carry the secret's real name."""
    if not isinstance(key, str):
        raise InvalidSecretNameError(
            f"the env_key of secret {_shown(name)} must be a str, not {_kind(key)}"
        )
    text = str.__str__(key)
    fault = _env_key_fault(text)
    if fault:
        raise InvalidSecretNameError(
            f"the env_key of secret {_shown(name)} is {_shown(text)}, which {fault}; choose "
            f"another variable"
        )
    return text


def is_env_key(key: str) -> bool:
    """Return whether Lambda accepts a variable of that name: ``[a-zA-Z][a-zA-Z0-9_]+``.

    Source: Lambda API reference, Environment (Variables).
    """
    long_enough = len(key) >= _SHORTEST_ENV_KEY
    return long_enough and key[0].isalpha() and _is_made_of(key, _ENV_KEY)


def check_parse(parse: Callable[[Any], Any] | None, name: str) -> Callable[[Any], Any] | None:
    """Return ``parse`` if it can be called, or is ``None``."""
    if parse is not None and not callable(parse):
        raise InvalidSecretNameError(
            f"parse of secret {_shown(name)} must be a function such as json.loads, "
            f"not {_kind(parse)}"
        )
    return parse


def check_field(key: object, name: str) -> str:
    """Return the text of ``key`` if a JSON object can have such a field."""
    if not isinstance(key, str):
        raise InvalidSecretNameError(
            f"the field of secret {_shown(name)} must be a str, not {_kind(key)}"
        )
    return str.__str__(key)


def check_stage(stage: object, name: str) -> str:
    """Return the text of ``stage`` if it can be a staging label."""
    return _check_label("stage", stage, _MAX_STAGE, name)


def check_version(version_id: object, name: str) -> str | None:
    """Return the text of ``version_id`` if it can be a version's id, or ``None`` for ``None``."""
    if version_id is None:
        return None
    return _check_label("version_id", version_id, _MAX_VERSION, name)


def check_secret_id(value: object) -> str:
    """Return the text of ``value`` if it can be a secret's name or ARN.

    Raises:
        InvalidSecretNameError: It is empty, too long, not a ``str``, or has characters that no
            id has.
    """
    if not isinstance(value, str):
        raise InvalidSecretNameError(
            f"pass a secret's name or ARN, which is a str, not {_kind(value)}"
        )
    text = str.__str__(value)
    if not text.strip():
        raise InvalidSecretNameError(
            "the secret's id is empty; pass its name or ARN, as get_env(NAME) returns it"
        )
    if len(text) > _MAX_ID:
        raise InvalidSecretNameError(
            f"the secret id {_shown(value)} has {len(text):,} characters; "
            f"Secrets Manager takes at most {_MAX_ID:,}"
        )
    if not _is_made_of(text, _ID):
        raise InvalidSecretNameError(
            f"the secret id {_shown(value)} has characters that no secret's name or ARN has: "
            f"{_illegal(_ID, value)}; check where it was copied or read from"
        )
    return text


def _character_fault(name: str) -> str:
    if _is_made_of(name, f"{_NAME}!"):
        return (
            "is the real name of a secret that an AWS service manages (only those have a '!'); "
            "declare a name of your own and put the real one into its environment variable, or "
            "pass the real one to SecretId"
        )
    return (
        f"has characters that Secrets Manager does not take: {_illegal(_NAME, name)}; "
        f"use letters, digits and /_+=.@-"
    )


def _env_key_fault(key: str) -> str:
    """Return why a variable cannot carry a secret's name; an empty text if it can."""
    if not is_env_key(key):
        return (
            "Lambda does not allow: it must begin with a letter, have two characters or more, "
            "and only letters, digits and _"
        )
    if key.startswith(_OWN_PREFIX):
        return "belongs to core_backend's settings"
    if key in _OBEYED:
        return "the system or HTTP clients read for themselves"
    return "belongs to the Lambda runtime" if key in RESERVED_ENV_KEYS else ""


def _check_label(what: str, value: object, longest: int, name: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise InvalidSecretNameError(
            f"the {what} of secret {_shown(name)} is {show(value)}; "
            f"it must be 1 to {longest} printable characters"
        )
    return str.__str__(value)


def _suggestion(name: str) -> str:
    return _shown(f"app-{name.strip('/_+=.@-') or 'secret'}")


def _kind(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _shown(value: str) -> str:
    if isinstance(value, SecretText):
        # A value that was passed in the place of a name.
        return repr(value)
    # The repr of a SecretName is not that of its text.
    text = str.__str__(value)
    return repr(text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "...")


def _is_made_of(text: str, legal: str) -> bool:
    # Stripping all legal characters leaves nothing of a legal text.
    return not text.strip(legal)


def _illegal(legal: str, value: str) -> str:
    illegal = "".join(sorted(set(str.__str__(value)).difference(legal)))
    return _shown(SecretText(illegal) if isinstance(value, SecretText) else illegal)
