"""Plug-ins: objects that other distributions offer by entry points, such as presets and stores.

They run with all rights of the process, so only what a setting names is loaded.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from models.errors import SettingsError

PRESETS, STORES = "darkroom.presets", "darkroom.stores"  #: groups of entry points


def plugin_names(group: str) -> list[str]:
    """Return the names of all installed plug-ins of a group, sorted. None of them is loaded."""
    return sorted({found.name for found in entry_points(group=group)})


def load_plugin(group: str, name: str) -> Any | None:
    """Load the plug-in of this name; ``None`` if none is installed.

    Raises ``SettingsError`` if it can't be imported, or if several distributions offer the name.
    """
    found = [*entry_points(group=group, name=name)]
    if not found:
        return None
    if len({_distribution(each) for each in found}) > 1:
        both = " and ".join(sorted({_distribution(each) for each in found}))
        raise SettingsError([f"{both} both have a plug-in {name!r} of {group}; uninstall one."])
    try:
        return found[0].load()
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        raise SettingsError(
            [f"The plug-in {name!r} of {_distribution(found[0])} can't be loaded: {words}"]
        ) from error


def _distribution(found: EntryPoint) -> str:
    return found.dist.name if found.dist is not None else found.value
