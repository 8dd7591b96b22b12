"""A served stack whose worker also moves campaigns on, and expires jobs: batches run to their end."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from openai.types import Batch

from api.services import ApiServices
from tests.api.openai.stack import MODEL, OpenAiStack, open_stack
from tests.api.service import ALICE
from worker.campaigns.controller import CampaignController

ENDPOINT = "/v1/images/generations"
FINAL = ("completed", "failed", "expired", "cancelled")


def line(custom_id: str, prompt: str = "a red fox", /, *, url: str = ENDPOINT, **body: Any) -> dict[str, Any]:
    """Return a line of an input."""
    content = {"model": MODEL, "prompt": prompt, **body}
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": content}


def jsonl(lines: Sequence[Any]) -> bytes:
    """Return lines as a file."""
    return b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in lines)


@dataclass(frozen=True)
class BatchStack:
    """A stack, and what tests of batches do with it."""

    stack: OpenAiStack

    @property
    def services(self) -> ApiServices:
        """Services of the API."""
        services: ApiServices = self.stack.service.app.state.services
        return services

    async def upload(self, content: bytes, *, key: str = ALICE, purpose: str = "batch") -> str:
        """Upload a file; return its id."""
        client = self.stack.client(key)
        made = await client.files.create(file=("in.jsonl", io.BytesIO(content)), purpose=purpose)  # type: ignore[arg-type]
        return made.id

    async def create(self, lines: Sequence[Any] | bytes, *, endpoint: str = ENDPOINT, **extra: Any) -> Batch:
        """Create a batch of these lines; ``extra`` are members that only Darkroom has."""
        content = lines if isinstance(lines, bytes) else jsonl(lines)
        window = extra.pop("completion_window", "24h")
        return await self.stack.client().batches.create(
            input_file_id=await self.upload(content),
            endpoint=endpoint,  # type: ignore[arg-type]
            completion_window=window,
            extra_body=extra,
        )

    async def until(self, batch: Batch, *statuses: str) -> Batch:
        """Wait until a batch has one of these statuses; ``()``: until it has ended."""
        client = self.stack.client()
        async with asyncio.timeout(30):
            while batch.status not in (statuses or FINAL):
                await asyncio.sleep(0.03)
                batch = await client.batches.retrieve(batch.id)
        return batch

    async def lines(self, file_id: str | None) -> list[dict[str, Any]]:
        """Return the lines of a file; none, if there is no file."""
        if file_id is None:
            return []
        text = (await self.stack.client().files.content(file_id)).text
        return [orjson.loads(each) for each in text.splitlines()]


@asynccontextmanager
async def open_batch_stack(url: str, folder: Path, **settings: Any) -> AsyncIterator[BatchStack]:
    """Open a stack, and move its campaigns and batches on until the end of the context."""
    async with open_stack(url, folder, **settings) as stack:
        made = BatchStack(stack)
        task = asyncio.create_task(_move_on(made))
        try:
            yield made
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _move_on(stack: BatchStack) -> None:
    services = stack.stack.darkroom.services
    controller = CampaignController(services, asyncio.Event(), asyncio.Event())
    while True:
        await controller.run_round()
        stack.services.batch_wake.set()
        await asyncio.sleep(0.03)
