"""Sends what a script says: the only place that waits, and the only one that breaks connections."""

import asyncio
import contextlib
import socket
import struct

from aiohttp import web

from worker.practice.script import EVENTS, Script, merged, with_pings

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


async def perform(request: web.Request, script: Script, *, ping: float) -> web.StreamResponse:
    """Answer a request as the script says."""
    steps = tuple(with_pings(script.steps, ping)) if script.content_type == EVENTS else script.steps
    steps = merged(steps)
    if script.ending == "clean" and len(steps) == 1:
        if steps[0].after:
            await asyncio.sleep(steps[0].after)
        return web.Response(
            body=steps[0].data,
            status=script.status,
            headers=_headers(script),
        )
    response = web.StreamResponse(status=script.status, headers=_headers(script))
    response.content_length = script.length
    for index, step in enumerate(steps):
        await asyncio.sleep(step.after)
        if index == 0:
            await response.prepare(request)
        await response.write(step.data)
    return await _end(request, response, script)


def _headers(script: Script) -> dict[str, str]:
    named = any(name.lower() == "content-type" for name in script.headers)
    kind = {"Content-Type": script.content_type} if script.content_type and not named else {}
    return {**kind, **script.headers}


async def _end(request: web.Request, response: web.StreamResponse, script: Script) -> web.StreamResponse:
    if script.pause:
        await asyncio.sleep(script.pause)
    transport = request.transport
    match script.ending:
        case "hang":
            await asyncio.Event().wait()
        case "drop" if transport is not None:
            transport.close()  # what was written still goes out
        case "reset" if transport is not None:
            with contextlib.suppress(OSError):
                connection: socket.socket = transport.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()
        case "clean":
            await response.write_eof()
        case _:
            pass  # the client was faster
    return response
