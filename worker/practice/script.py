"""Planned response (chunks, delays, end of the connection), and the player that sends it."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from aiohttp import web

ConnectionEnd = Literal["clean", "drop", "reset", "hang"]
#: ``clean``: complete; ``drop``: closed midway; ``reset``: RST; ``hang``: silent for ever

JSON = "application/json"
HTML = "text/html"
EVENTS = "text/event-stream"
PING = b": PING\n\n"


class Step(NamedTuple):
    """Bytes to send, after a delay in seconds."""

    after: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Script:
    """One response. ``content_length`` is declared as given, whether or not that many bytes are sent.

    A ``Content-Type`` in ``headers`` takes precedence; ``content_type`` decides how the response is sent.
    """

    steps: tuple[Step, ...]
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    end: ConnectionEnd = "clean"
    content_length: int | None = None
    end_delay: float = 0.0  #: seconds between the last step and the end


def with_pings(steps: Sequence[Step], every: float) -> Iterator[Step]:
    """Fill long pauses with comments, as relays do to keep proxies from closing the connection."""
    for after, data in steps:
        while after > every:
            yield Step(every, PING)
            after -= every
        yield Step(after, data)


def merge_steps(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Join steps without a delay between them, so that a fast response is one write."""
    if not any(step.after for step in steps[1:]):
        return (Step(steps[0].after, b"".join(step.data for step in steps)),) if steps else ()
    joined: list[Step] = []
    for step in steps:
        if joined and not step.after:
            joined[-1] = Step(joined[-1].after, joined[-1].data + step.data)
        else:
            joined.append(step)
    return tuple(joined)


_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


async def play(request: web.Request, script: Script, *, ping: float) -> web.StreamResponse:
    """Send the response of a script: the only place that waits and breaks connections."""
    steps = tuple(with_pings(script.steps, ping)) if script.content_type == EVENTS else script.steps
    steps = merge_steps(steps)
    if script.end == "clean" and len(steps) == 1:
        if steps[0].after:
            await asyncio.sleep(steps[0].after)
        return web.Response(
            body=steps[0].data,
            status=script.status,
            headers=_headers(script),
        )
    response = web.StreamResponse(status=script.status, headers=_headers(script))
    response.content_length = script.content_length
    for index, step in enumerate(steps):
        await asyncio.sleep(step.after)
        if index == 0:
            await response.prepare(request)
        await response.write(step.data)
    return await _finish(request, response, script)


def _headers(script: Script) -> dict[str, str]:
    named = any(name.lower() == "content-type" for name in script.headers)
    kind = {"Content-Type": script.content_type} if script.content_type and not named else {}
    return {**kind, **script.headers}


async def _finish(request: web.Request, response: web.StreamResponse, script: Script) -> web.StreamResponse:
    if script.end_delay:
        await asyncio.sleep(script.end_delay)
    transport = request.transport
    match script.end:
        case "hang":
            await asyncio.Event().wait()
        case "drop" if transport is not None:
            transport.close()  # buffered data is still sent
        case "reset" if transport is not None:
            with contextlib.suppress(OSError):
                connection: socket.socket = transport.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()
        case "clean":
            await response.write_eof()
        case _:
            pass  # the client has disconnected
    return response
