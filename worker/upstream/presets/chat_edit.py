"""Chat-edit: chat completions that edit up to 16 images, in content parts."""

from worker.upstream.presets.preset import Preset

PRESET = Preset("chat-edit", content_style="parts", max_images=16)
