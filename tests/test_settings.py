"""pydantic-settings, filled from secrets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import pydantic
import pytest
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from support.scripted import World, world

from core_backend import (
    ConfigurationError,
    MissingEnvError,
    SecretId,
    SecretName,
    SecretsFailedError,
)
from core_backend.settings import SecretsSettingsSource

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = SecretName("api-key")
DB = SecretName("db")


class Base(BaseSettings):
    @classmethod
    def settings_customise_sources(cls, settings_cls, init_settings, env_settings, **_: Any):
        return init_settings, SecretsSettingsSource(settings_cls), env_settings


class Database(pydantic.BaseModel):
    username: str
    password: SecretStr
    port: int


class Settings(Base):
    api_key: Annotated[SecretStr, KEY]
    database: Annotated[Database, DB.json()]
    password: Annotated[SecretStr, DB.field("password")]
    debug: bool = False


@pytest.fixture
def w(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("API_KEY", "a")
    monkeypatch.setenv("DB", "prod/db")
    with world() as made:
        stored = {"username": "app", "password": "pl4nted-password", "port": 5432}
        made.source.secrets["prod/db"] = json.dumps(stored)
        yield made


def test_fields_are_filled_by_their_annotations(w: World) -> None:
    settings = Settings()
    assert settings.api_key.get_secret_value() == "pl4nted-a"
    assert settings.database.password == settings.password == SecretStr("pl4nted-password")
    assert settings.database.port == 5432
    assert "pl4nted" not in repr(settings)
    assert w.calls == 2


def test_other_fields_come_from_where_they_came(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", "true")
    assert Settings().debug


def test_a_model_called_as_its_variable_is_not_decoded_from_the_environment(w: World) -> None:
    class Same(Base):
        db: Annotated[Database, NoDecode, DB.json()]

    assert Same().db.username == "app"


def test_fields_are_filled_by_name(w: World) -> None:
    class Named(BaseSettings):
        first: SecretStr
        second: SecretStr

        @classmethod
        def settings_customise_sources(cls, settings_cls, init_settings, **_: Any):
            named = {"first": KEY, "second": "b"}
            return init_settings, SecretsSettingsSource(settings_cls, named)

    settings = Named()
    assert settings.first.get_secret_value() == "pl4nted-a"
    assert settings.second.get_secret_value() == "pl4nted-b"


def test_two_fields_of_one_secret_are_told_apart(w: World) -> None:
    w.source.secrets["prod/db"] = json.dumps({"id": "pl4nted-id", "secret": "pl4nted-secret"})

    class Client(Base):
        first: Annotated[str, DB.field("id")]
        second: Annotated[str, DB.field("secret")]

    client = Client()
    assert (client.first, client.second) == ("pl4nted-id", "pl4nted-secret")


def test_a_secret_is_found_in_the_variable_that_somebody_else_named(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNING_SECRET_ARN", "a")

    class Foreign(Base):
        signing: Annotated[SecretStr, SecretName("signing", env_key="SIGNING_SECRET_ARN")]

    assert Foreign().signing.get_secret_value() == "pl4nted-a"


def test_all_are_fetched_at_the_same_time(w: World) -> None:
    class Many(Base):
        a: Annotated[SecretStr, SecretId("a")]
        b: Annotated[SecretStr, SecretId("b")]
        c: Annotated[SecretStr, SecretId("c")]

    under_way = most = 0
    fetch = w.source.fetch

    async def counted(request: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await fetch(request)
        finally:
            under_way -= 1

    w.source.fetch = counted
    w.source.latency = 0.05
    Many()
    assert most == 3


async def test_settings_can_be_made_where_a_loop_is_running(w: World) -> None:
    assert Settings().api_key.get_secret_value() == "pl4nted-a"


def test_what_is_given_is_not_fetched(w: World) -> None:
    given = {"username": "x", "password": "x", "port": 1}
    settings = Settings(api_key="given", database=given, password="given")
    assert settings.api_key.get_secret_value() == "given"
    assert w.calls == 0


def test_a_default_is_kept_where_the_variable_is_not_set(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Optional(Base):
        api_key: Annotated[SecretStr | None, KEY] = None

    assert Optional().api_key == SecretStr("pl4nted-a")
    monkeypatch.delenv("API_KEY")
    assert Optional().api_key is None


def test_all_that_is_missing_is_named(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_KEY")
    monkeypatch.delenv("DB")
    with pytest.raises(MissingEnvError) as caught:
        Settings()
    assert {"API_KEY", "DB"} <= set(caught.value.variables)
    assert w.calls == 0


def test_all_that_fails_is_named(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "absent")
    monkeypatch.setenv("DB", "gone")
    with pytest.raises(SecretsFailedError) as caught:
        Settings()
    assert caught.value.failures.keys() == {"absent", "gone"}


def test_a_value_of_the_wrong_shape_does_not_show_in_pydantics_error(w: World) -> None:
    class Wrong(Base):
        api_key: Annotated[int, KEY]

    with pytest.raises(pydantic.ValidationError) as caught:
        Wrong()
    assert "pl4nted" not in str(caught.value)


@pytest.mark.parametrize(
    "alias", ["API", pydantic.AliasChoices(pydantic.AliasPath("x", 0), "API", "other")]
)
def test_a_field_with_an_alias_is_filled(w: World, alias: Any) -> None:
    class Aliased(Base):
        api_key: Annotated[SecretStr, KEY] = Field(validation_alias=alias)

    assert Aliased().api_key.get_secret_value() == "pl4nted-a"
    assert Aliased(API="given").api_key.get_secret_value() == "given"


def test_what_is_given_by_its_own_name_is_not_fetched_for_its_alias(w: World) -> None:
    class Either(Base):
        model_config = SettingsConfigDict(populate_by_name=True)
        api_key: Annotated[SecretStr, KEY] = Field(validation_alias="API")

    assert Either(api_key="given").api_key.get_secret_value() == "given"
    assert w.calls == 0


@pytest.mark.parametrize("secret", [KEY, KEY.field("key"), KEY.staged("AWSPREVIOUS")])
def test_the_wrong_order_is_said_and_no_real_name_taken_for_a_value(
    w: World, secret: SecretName[str]
) -> None:
    class Late(BaseSettings):
        api_key: Annotated[SecretStr, secret]

        @classmethod
        def settings_customise_sources(cls, settings_cls, init_settings, env_settings, **_: Any):
            return init_settings, env_settings, SecretsSettingsSource(settings_cls)

    with pytest.raises(ConfigurationError, match="SecretsSettingsSource before env_settings"):
        Late()


def test_a_field_that_is_not_there_is_refused(w: World) -> None:
    with pytest.raises(ConfigurationError, match="Settings has no field apikey for a secret"):
        SecretsSettingsSource(Settings, {"apikey": KEY})


def test_one_field_can_be_asked_for(w: World) -> None:
    source = SecretsSettingsSource(Settings)
    fields = Settings.model_fields
    assert source.get_field_value(fields["api_key"], "api_key") == ("pl4nted-a", "api_key", False)
    assert source.get_field_value(fields["debug"], "debug") == (None, "debug", False)
