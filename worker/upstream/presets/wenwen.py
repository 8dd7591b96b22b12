"""Wenwen: chat completions without event streams."""

from worker.upstream.presets.preset import Preset

PRESET = Preset("wenwen", stream="off")
