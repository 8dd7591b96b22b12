"""Generic: what most relays understand, for a provider that has no preset of its own."""

from worker.upstream.presets.preset import Preset

PRESET = Preset(
    "generic",
    size_style="size",
    n_style="n",
    max_images=16,
    address_params={"response_format": "url"},  # OpenAI's images API
)
