"""What a type checker must find in both clients. ``mypy`` checks this module; nothing runs it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import assert_type

from darkroom_client import AsyncDarkroom, Campaign, Darkroom, Export, Item, Job, Picture, Plan
from darkroom_client.exchange.http_transport import AsyncTransport, SyncTransport


def blocking(client: Darkroom) -> None:
    assert_type(client.run("a cat", model="m", size="1:1"), Sequence[Picture[SyncTransport]])
    assert_type(client.run("a cat")[0].save("cat.png"), Path)
    assert_type(client.gather(["job_1"]), Iterator[Job[SyncTransport]])
    with client.campaign("spring", budget="20 USD") as campaign:
        assert_type(campaign, Campaign[SyncTransport])
        assert_type(campaign.plan(), Plan)
        assert_type(campaign.results(), Iterator[Item[SyncTransport]])
        assert_type(campaign.create_export().wait(), Export[SyncTransport])
    client.campaign("spring", budgett="20 USD")  # type: ignore[call-arg]
    client.run("a cat", sizee="1:1")  # type: ignore[call-arg]


async def waiting(client: AsyncDarkroom) -> None:
    pictures = await client.run("a cat", model="m")
    assert_type(pictures, Sequence[Picture[AsyncTransport]])
    assert_type(await pictures[0].bytes(), bytes)
    async for job in client.jobs.list(status="failed"):
        assert_type(job, Job[AsyncTransport])
    async with client.campaign("spring") as campaign:
        assert_type(await campaign.plan(), Plan)
        async for item in campaign.results():
            assert_type(item, Item[AsyncTransport])
            assert_type(await item.save("out/"), Sequence[Path])
