"""Channel test: one real call on a channel."""

from dataclasses import dataclass
from typing import Any

from models.channels import ChannelSettings
from models.outcomes import Outcome
from models.request import ImageRequest
from worker.upstream.presets.channel_preset import effective_preset
from worker.upstream.presets.preset import Preset
from worker.upstream.reply import Reply
from worker.upstream.request import build_request
from worker.upstream.transport.client import UpstreamClient
from worker.upstream.transport.connection import open_session


@dataclass(frozen=True, slots=True)
class ChannelTest:
    """Result of one test call."""

    channel: str
    model: str
    reply: Reply

    @property
    def outcome(self) -> Outcome:
        """Outcome of the call."""
        return self.reply.result.outcome

    def value(self) -> dict[str, Any]:
        """Return the result for scripts."""
        result = self.reply.result
        return {
            "channel": self.channel,
            "model": self.model,
            "outcome": result.outcome.value,
            "code": result.code,
            "message": result.message or None,
            "provider_message": result.provider_message,
            "http_status": self.reply.http_status,
            "pictures": self.pictures,
            "seconds": round(self.reply.elapsed, 2),
            "billed": result.billed.value,
            "request_id": self.reply.request_id,
        }

    @property
    def pictures(self) -> int:
        """Number of images received."""
        return len(self.reply.answer.images) if self.reply.answer else 0

    def view(self) -> str:
        """Return the result for people."""
        result = self.reply.result
        if result.outcome is Outcome.SUCCESS:
            plural = "s" if self.pictures != 1 else ""
            return f"{self.channel} works: {self.pictures} image{plural} in {self.reply.elapsed:.1f} s."
        quoted = f"\nThe provider said: {result.provider_message}" if result.provider_message else ""
        status = f" (HTTP {self.reply.http_status})" if self.reply.http_status else ""
        return f"{self.channel} does not work: {result.code}{status}. {result.message}{quoted}"


async def call_channel(
    upstream: UpstreamClient, channel: ChannelSettings, request: ImageRequest, preset: Preset
) -> Reply:
    """Call a channel once, outside any job. Raises ``InvalidRequest`` if the preset can't ask for it."""
    built = build_request(
        request,
        base_url=str(channel.base_url),
        api_key=channel.api_key.get_secret_value(),
        preset=preset,
    )
    return await upstream.call(built, preset)


async def test_channel(channel: ChannelSettings, model: str, prompt: str) -> ChannelTest:
    """Make one call and return its result."""
    session, request = open_session(limit=1), ImageRequest(model=model, prompt=prompt)
    try:
        reply = await call_channel(UpstreamClient(session), channel, request, effective_preset(channel))
    finally:
        await session.close()
    return ChannelTest(channel.name, model, reply)
