"""All presets by name."""

from collections.abc import Mapping
from types import MappingProxyType

from models.errors import SettingsError
from worker.upstream.presets import chat_edit, chatbp, ecovai, generic, huiyan, wenwen
from worker.upstream.presets.preset import Preset

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {module.PRESET.name: module.PRESET for module in (huiyan, chatbp, ecovai, chat_edit, wenwen, generic)}
)


def preset_named(name: str) -> Preset:
    """Return the preset of this name; raise ``SettingsError`` that lists the known ones."""
    try:
        return PRESETS[name]
    except KeyError:
        known = ", ".join(sorted(PRESETS))
        raise SettingsError([f"There is no preset {name!r}; use one of {known}."]) from None
