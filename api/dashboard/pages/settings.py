"""Settings: the value in force of each, where it comes from, and what it means; secrets are masked."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from models.api_keys import Role
from models.settings import Settings, origin_of

_MASK = "••••"
_PASSWORD = re.compile(r"(?<=://)([^/@\s]*):[^/@\s]*@")


def shown(value: Any) -> str:
    """Return a value for people; nothing of a secret, and no password of an address."""
    if isinstance(value, SecretStr):
        return _MASK if value.get_secret_value() else ""
    if isinstance(value, tuple | list):
        return ", ".join(shown(each) for each in value)
    if hasattr(value, "model_fields_set"):
        return str(getattr(value, "name", type(value).__name__))
    return "" if value is None else _PASSWORD.sub(rf"\1:{_MASK}@", str(value))


async def load(view: PageView) -> Mapping[str, Any]:
    """Return all settings of this process."""
    settings = view.services.settings
    return {
        "settings": [
            {
                "name": f"DARKROOM_{name.upper()}",
                "value": shown(getattr(settings, name)),
                "origin": origin_of(settings, name),
                "meaning": field.description or "",
            }
            for name, field in Settings.model_fields.items()
        ]
    }


PAGE = Page(
    "/dashboard/settings",
    "settings",
    msgid("Settings"),
    load,
    group="house",
    icon="settings",
    least=Role.ADMIN,
)
