"""An assistant looks with the rights of its key, and changes nothing unless it may."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from mcp.server.mcpserver.exceptions import ToolError

from api.cli.assistant.tools import build_server
from darkroom_client import AsyncDarkroom
from tests.api.cli.scripted_server import ScriptedServer

READS = {
    *("find_jobs", "get_job", "explain_job", "list_errors"),
    *("list_campaigns", "campaign_status", "list_channels"),
}
WAITING = {"reason": "rate_limit", "detail": "12 of 12 calls of this minute were made"}
JOB = {"id": "job_1", "status": "queued", "model": "m", "prompt": "a cat", "waiting": WAITING, "links": {}}


async def called(server: ScriptedServer, tool: str, *, allow_writes: bool = False, **arguments: Any) -> Any:
    async with AsyncDarkroom(server.url, "dk_test") as client:
        result: Any = await build_server(client, allow_writes=allow_writes).call_tool(tool, arguments)
        return result.structured_content


async def names(server: ScriptedServer, *, allow_writes: bool) -> dict[str, bool | None]:
    async with AsyncDarkroom(server.url, "dk_test") as client:
        tools = await build_server(client, allow_writes=allow_writes).list_tools()
        return {tool.name: tool.annotations and tool.annotations.read_only_hint for tool in tools}


async def test_only_with_leave_there_are_tools_that_change_something(server: ScriptedServer) -> None:
    assert await names(server, allow_writes=False) == dict.fromkeys(READS, True)
    writes = dict.fromkeys(("submit_job", "retry_job", "cancel_job"), False)
    assert await names(server, allow_writes=True) == dict.fromkeys(READS, True) | writes
    with pytest.raises(ToolError, match="submit_job"):
        await called(server, "submit_job", prompt="a cat", model="m")
    assert server.requests == []


async def test_tools_ask_the_api_by_their_key_and_tell_what_an_assistant_needs(
    server: ScriptedServer,
) -> None:
    server.respond("GET /v1/jobs", {"data": [JOB]})
    server.respond("GET /v1/jobs/job_1", JOB)
    server.respond("GET /v1/errors", {"data": [{"code": "moderation_input", "jobs": 3}]})
    server.respond("GET /v1/campaigns/spring%2F1", {"name": "spring/1", "status": "paused"})
    shown = {"id": "job_1", "status": "queued", "model": "m", "prompt": "a cat", "waiting": WAITING}
    assert await called(server, "find_jobs", status="queued", limit=5000) == {"jobs": [shown]}
    assert (await called(server, "explain_job", job_id="job_1"))["waiting"] == WAITING
    assert (await called(server, "get_job", job_id="job_1"))["prompt"] == "a cat"
    assert (await called(server, "list_errors"))["data"][0]["jobs"] == 3
    assert (await called(server, "campaign_status", name="spring/1"))["status"] == "paused"
    assert server.requests[0].query == {"status": "queued", "limit": "100"}
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer dk_test"}


async def test_refusals_of_the_api_are_told_in_its_words(server: ScriptedServer) -> None:
    server.respond("GET /v1/channels", {"detail": "Only keys of operators see channels."}, status=403)
    with pytest.raises(ToolError, match="Only keys of operators see channels"):
        await called(server, "list_channels")


def test_the_command_speaks_the_protocol_on_standard_input_and_output(server: ScriptedServer) -> None:
    opening = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": opening},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    ]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", "from api.cli.app import main; main()", "mcp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "DARKROOM_URL": server.url, "DARKROOM_API_KEY": "dk_test"},
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(json.dumps(message) + "\n" for message in messages))
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.stdin.close()
        assert process.wait(timeout=20) == 0
    assert answers[0]["result"]["serverInfo"]["name"] == "darkroom"
    assert {tool["name"] for tool in answers[1]["result"]["tools"]} == READS
