"""ChatBP: chat completions."""

from worker.upstream.presets.preset import Preset

PRESET = Preset("chatbp")
