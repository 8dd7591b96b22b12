"""Time limits of the object store: an operation that stalls is an error, which callers retry."""

import asyncio
import os
from pathlib import Path

import pytest
from obstore.store import LocalStore, S3Store

from models.errors import StorageError
from worker.storage.local_files import LocalFiles
from worker.storage.object_store import ObjectStore


async def test_a_write_into_a_stalled_folder_fails_when_its_time_is_over(tmp_path: Path) -> None:
    stalled = tmp_path / "source"
    os.mkfifo(stalled)  # opening it blocks the thread, as a network file system does that is away
    root = tmp_path / "pictures"
    folder = LocalFiles(root)
    store = ObjectStore(LocalStore(root), place="the folder", folder=folder, time_limit=0.05)
    with pytest.raises(StorageError, match="it did not answer within"):
        await store.put("ab/cd/abcdef.png", stalled, content_type="image/png")
    os.close(os.open(stalled, os.O_RDWR))  # lets the thread go


@pytest.mark.parametrize("action", ["get", "head", "delete"])
async def test_a_bucket_that_accepts_connections_and_says_nothing_is_an_error(action: str) -> None:
    connections: list[asyncio.StreamWriter] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    config = {
        "endpoint": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
        "region": "us-east-1",
        "access_key_id": "key",
        "secret_access_key": "secret",
        "allow_http": "true",
    }
    store = ObjectStore(S3Store("bucket", config=config), place="the bucket", time_limit=0.2)
    with pytest.raises(StorageError, match="it did not answer within"):
        await getattr(store, action)("ab/cd/abcdef.png")
    for writer in connections:
        writer.close()
    server.close()
