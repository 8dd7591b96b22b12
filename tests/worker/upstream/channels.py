"""Channels for tests."""

from typing import Any

from pydantic import SecretStr

from models.channels import ChannelSettings


def channel(**choices: Any) -> ChannelSettings:
    """Return a channel with these choices."""
    known = {"name": "a", "base_url": "https://a.example", "api_key": SecretStr("k"), "models": ("*",)}
    return ChannelSettings.model_validate({**known, **choices})
