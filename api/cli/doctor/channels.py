"""Check of the channels: configured, and their providers reachable."""

import asyncio
import socket

from api.cli.doctor.findings import Finding, fault, fine
from models.channels import ChannelSettings
from models.errors import SettingsError
from models.settings import Settings
from worker.upstream.presets.channel_preset import effective_preset

_TIMEOUT = 5.0  #: seconds for name and connection
_CHECK = "channels"


async def check_channels(settings: Settings, *, offline: bool) -> list[Finding]:
    """Find missing channels, unknown presets and unreachable providers. Makes no call, and costs nothing."""
    channels = [channel for channel in settings.all_channels() if channel.enabled]
    if not channels:
        return [
            fault(
                _CHECK,
                "No channel is configured, so jobs will wait.",
                "Set DARKROOM_UPSTREAM_BASE_URL and DARKROOM_UPSTREAM_API_KEY, "
                "or write [[channels]] into darkroom.toml.",
            )
        ]
    found = [finding for channel in channels for finding in _as_written(channel)]
    if offline:
        return found or [fine(_CHECK, f"{len(channels)} configured; not connected to (--offline)")]
    return [*found, *await asyncio.gather(*(_reach(channel) for channel in channels))]


def _as_written(channel: ChannelSettings) -> list[Finding]:
    findings = []
    try:
        effective_preset(channel)
    except SettingsError as error:
        findings.append(
            fault(_CHECK, f"{channel.name}: {error}", "Correct its preset, or leave it out for generic.")
        )
    if not channel.api_key.get_secret_value():
        findings.append(
            fault(_CHECK, f"{channel.name} has no key.", "Set DARKROOM_UPSTREAM_API_KEY or its api_key.")
        )
    return findings


async def _reach(channel: ChannelSettings) -> Finding:
    """Resolve the provider's host and connect, without sending anything."""
    host = (channel.base_url.host or "").strip("[]")
    port = channel.base_url.port or 443
    try:
        async with asyncio.timeout(_TIMEOUT):
            _, writer = await asyncio.open_connection(host, port)
    except socket.gaierror as error:
        return fault(
            _CHECK,
            f"{channel.name}: the name {host} is not known ({error.strerror}).",
            "Correct its base_url, or this machine's DNS.",
        )
    except OSError as error:
        reason = f"no answer within {_TIMEOUT:g} s" if isinstance(error, TimeoutError) else error.strerror
        return fault(
            _CHECK,
            f"{channel.name}: {host}:{port} can't be reached: {reason}.",
            "Correct its base_url, or open the network path to it.",
        )
    writer.close()
    return fine(_CHECK, f"{channel.name}: {host}:{port} can be reached")
