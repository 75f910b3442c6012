"""Settings of pydantic-settings, filled from secrets. Needs the extra ``settings``.

class Settings(BaseSettings):
    api_key: Annotated[SecretStr, STRIPE_API_KEY]

    @classmethod
    def settings_customise_sources(cls, settings_cls, init_settings, env_settings, **others):
        return init_settings, SecretsSettingsSource(settings_cls), env_settings
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import AliasChoices
from pydantic_settings import PydanticBaseSettingsSource

from core_backend.env import get_env
from core_backend.errors import ConfigurationError
from core_backend.names import SecretId, SecretName
from core_backend.secrets import get_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings

__all__ = ["SecretsSettingsSource"]


class SecretsSettingsSource(PydanticBaseSettingsSource):
    """Fills fields from secrets, which are fetched at the same time.

    The annotation of a field names its secret, ``Annotated[SecretStr, STRIPE_API_KEY]``, or
    ``secrets`` does. A field that is passed to the settings' constructor is not fetched. A field
    with a default keeps it if the variable with the secret's real name is not set.

    Return this source before the one that reads the environment. That one would take the secret's
    real name, which is in the environment, for the field's value. It also reads a field for a
    model as JSON: call the field differently from the variable, or annotate it with ``NoDecode``.

    Args:
        settings_cls: The settings.
        secrets: The secret of each field: a ``SecretName``, a ``SecretId``, or a real name or ARN.

    Raises:
        ConfigurationError: ``secrets`` names a field that does not exist.
    """

    def __init__(
        self, settings_cls: type[BaseSettings], secrets: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(settings_cls)
        self._named = dict(secrets or {})
        unknown = sorted(self._named.keys() - settings_cls.model_fields.keys())
        if unknown:
            raise ConfigurationError(
                f"{settings_cls.__name__} has no field {', '.join(unknown)} for a secret to fill; "
                f"its fields are {', '.join(settings_cls.model_fields)}"
            )

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the value of one field that has a secret. ``__call__`` fetches all at once."""
        secret = self._secret(field_name, field)
        value = None if secret is None else get_secrets(secret).result()[0]
        return value, _key(field_name, field), False

    def __call__(self) -> dict[str, Any]:
        """Return the values of all fields that have a secret. Blocks until they are fetched.

        Raises:
            MissingEnvError: Variables are missing of fields that have no default.
            SecretError: As when awaited; ``SecretsFailedError`` if several failed.
            ConfigurationError: A source before this one took a secret's real name for its value.
        """
        given = self.settings_sources_data.get("InitSettingsSource", {})
        wanted: dict[str, str] = {}
        for name, field in self.settings_cls.model_fields.items():
            key = _key(name, field)
            secret = self._secret(name, field)
            if secret is not None and not {key, name} & given.keys():
                self._check_order(key, name, secret)
                wanted[key] = secret
        values: tuple[Any, ...] = get_secrets(*wanted.values()).result()
        return dict(zip(wanted, values, strict=True))

    def _secret(self, name: str, field: FieldInfo) -> str | None:
        """Return the secret of a field; ``None`` if it has none, or keeps its default."""
        marked = (mark for mark in field.metadata if _is_secret(mark))
        secret = self._named.get(name) or next(marked, None)
        # If the field has a default, the variable may be missing.
        return secret if secret is None or field.is_required() else _real(secret)

    def _check_order(self, key: str, name: str, secret: str) -> None:
        real = _real(secret)
        taken = self.current_state.get(key, self.current_state.get(name))
        # Its text: a real name that is read as JSON equals no text.
        if real is not None and taken == str.__str__(real):
            raise ConfigurationError(
                f"the field {name} of {self.settings_cls.__name__} was given the real name of its "
                f"secret as its value; return SecretsSettingsSource before env_settings from "
                f"settings_customise_sources"
            )


def _is_secret(mark: object) -> bool:
    return isinstance(mark, (SecretName, SecretId))


def _is_declared(secret: object) -> bool:
    return isinstance(secret, SecretName)


def _real(secret: Any) -> str | None:
    """Return the real name of a secret; ``None`` if its variable is not set."""
    return get_env(secret, None) if _is_declared(secret) else secret


def _key(name: str, field: FieldInfo) -> str:
    """Return what pydantic calls a field in its input."""
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return next((choice for choice in choices if isinstance(choice, str)), name)
