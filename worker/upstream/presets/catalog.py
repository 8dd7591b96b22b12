"""All presets by name: those of this package, and plug-ins of the group ``darkroom.presets``."""

from collections.abc import Mapping
from types import MappingProxyType

from models.errors import SettingsError
from worker.plugins import PRESETS as PLUGINS
from worker.plugins import load_plugin, plugin_names
from worker.upstream.presets import chat_edit, chatbp, ecovai, generic, huiyan, wenwen
from worker.upstream.presets.preset import Preset

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {module.PRESET.name: module.PRESET for module in (huiyan, chatbp, ecovai, chat_edit, wenwen, generic)}
)


def preset_named(name: str) -> Preset:
    """Return the preset of this name, a plug-in only if it is none of ours.

    Raises ``SettingsError`` that lists the known ones, or says why a plug-in can't be used.
    """
    if name in PRESETS:
        return PRESETS[name]
    plugin = load_plugin(PLUGINS, name)
    if plugin is None:
        known = ", ".join(sorted({*PRESETS, *plugin_names(PLUGINS)}))
        raise SettingsError([f"There is no preset {name!r}; use one of {known}."])
    if not isinstance(plugin, Preset) or plugin.name != name:
        raise SettingsError([f"The plug-in {name!r} of {PLUGINS} is no Preset of this name."])
    return plugin
