"""A worker whose deliveries the test starts, and a receiver."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.darkroom import Darkroom, open_darkroom
from tests.support.receiver import Receiver
from tests.worker.webhooks.webhook_worker import WebhookWorker, new_webhook_worker


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    practice = {"deliver": "markdown_data", "interval": 0}
    async with open_darkroom(plain_database_url, tmp_path, practice=practice, webhook_timeout=0.5) as opened:
        yield opened


@pytest.fixture
async def webhooks(darkroom: Darkroom) -> AsyncIterator[WebhookWorker]:
    made = new_webhook_worker(darkroom)
    yield made
    await made.context.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.start()
    yield made
    if made.hangs is not None:
        made.hangs.set()
    await made.stop()
