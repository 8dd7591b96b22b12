"""Huiyan: chat completions with content parts, as event streams only."""

from worker.upstream.presets.preset import Preset

PRESET = Preset("huiyan", content_style="parts", stream="required")
