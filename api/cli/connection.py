"""Server URL and API key of client commands; opens the client."""

from typing import Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.cli.options import Connection
from api.client import DarkroomClient
from models.errors import SettingsError


class ClientSettings(BaseSettings):
    """Client settings, read from the ``DARKROOM_*`` variables below."""

    model_config = SettingsConfigDict(
        env_prefix="DARKROOM_", frozen=True, extra="forbid", hide_input_in_errors=True, env_ignore_empty=True
    )

    url: str = Field("http://127.0.0.1:8080", description="the server's URL")
    api_key: SecretStr | None = Field(None, description="the API key")
    model: str | None = Field(None, description="the model of `darkroom submit` without -m")

    @field_validator("url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("write the whole URL, such as http://127.0.0.1:8080")
        return value.rstrip("/")

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        key = value.get_secret_value().strip() if value else ""
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("a key has no spaces and no other characters than ASCII's")
        return SecretStr(key) if key else None


def load_client_settings(**overrides: Any) -> ClientSettings:
    """Read the variables; ``overrides`` (of the command line) take precedence, ``None`` means not given.

    Raises ``SettingsError`` with one sentence per fault.
    """
    try:
        return ClientSettings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        raise SettingsError([_sentence(fault) for fault in error.errors()]) from error


def _sentence(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"]).upper()
    return f"DARKROOM_{name}: {error['msg'].removeprefix('Value error, ')}."


def open_client(connection: Connection) -> DarkroomClient:
    """Return a client for the server and key of the options or the environment."""
    settings = load_client_settings(url=connection.url, api_key=connection.key)
    return DarkroomClient(settings.url, settings.api_key.get_secret_value() if settings.api_key else None)
