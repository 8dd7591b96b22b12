"""Presets are found by their names."""

import pytest

from models.errors import SettingsError
from worker.upstream.presets.catalog import PRESETS, preset_named


def test_a_preset_is_found_by_its_name() -> None:
    assert {name: preset_named(name).name for name in PRESETS} == {name: name for name in PRESETS}


def test_an_unknown_preset_is_refused_with_the_known_names() -> None:
    with pytest.raises(SettingsError, match="chat-edit, chatbp, ecovai, generic, huiyan, wenwen"):
        preset_named("huiyann")
