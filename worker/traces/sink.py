"""Where spans go: nowhere, unless a setting names a collector."""

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

from models.errors import SettingsError
from models.settings import Settings
from worker.traces.spans import JobSpan


class SpanSink(Protocol):
    """Takes spans that have ended."""

    def send(self, spans: Sequence[JobSpan]) -> None:
        """Queue spans; it does not wait."""

    def close(self) -> None:
        """Send what is queued, and end."""


def open_sink(settings: Settings) -> SpanSink | None:
    """Return the sink of the settings, ``None`` without one. Raises ``SettingsError`` without the extra."""
    if not settings.otel_endpoint:
        return None
    try:
        module = import_module("worker.traces.otlp")
    except ImportError as error:
        raise SettingsError(
            [f"DARKROOM_OTEL_ENDPOINT needs the extra otel ({error}): install it as darkroom[otel]."]
        ) from error
    sink: SpanSink = module.OtlpSink(settings.otel_endpoint)
    return sink
