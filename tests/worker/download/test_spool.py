"""The spool of a download: memory first, then a file; size limit and clean-up."""

import hashlib
import os
from pathlib import Path

import pytest

from models.errors import ImageError, StorageError
from worker.download.spool import SpooledFile
from worker.images.limits import Limits


async def test_a_small_body_stays_in_memory(tmp_path: Path) -> None:
    async with SpooledFile(tmp_path, Limits(memory=10)) as spool:
        await spool.add(b"12345")
        await spool.add(b"67890")
        body, digest = await spool.finish()
    assert (body, digest, spool.size) == (b"1234567890", hashlib.sha256(b"1234567890").hexdigest(), 10)
    assert os.listdir(tmp_path) == []


async def test_a_large_body_is_spooled_to_a_file_that_the_caller_owns(tmp_path: Path) -> None:
    async with SpooledFile(tmp_path, Limits(memory=10)) as spool:
        for _ in range(5):
            await spool.add(b"12345678")
        body, digest = await spool.finish()
    assert isinstance(body, Path)
    assert body.read_bytes() == b"12345678" * 5
    assert digest == hashlib.sha256(b"12345678" * 5).hexdigest()


async def test_a_spool_that_is_left_unfinished_removes_its_file(tmp_path: Path) -> None:
    async with SpooledFile(tmp_path, Limits(memory=1)) as spool:
        await spool.add(b"more than one byte")
        assert len(os.listdir(tmp_path)) == 1
    assert os.listdir(tmp_path) == []


async def test_a_body_above_the_size_limit_is_refused(tmp_path: Path) -> None:
    async with SpooledFile(tmp_path, Limits(size=9, memory=1)) as spool:
        await spool.add(b"12345")
        with pytest.raises(ImageError) as caught:
            await spool.add(b"67890")
    assert caught.value.code == "asset_too_large"
    assert os.listdir(tmp_path) == []


async def test_a_folder_that_can_not_be_created_is_a_storage_error(tmp_path: Path) -> None:
    async with SpooledFile(tmp_path / "missing" / "folder", Limits(memory=1)) as spool:
        with pytest.raises(StorageError, match="write a download"):
            await spool.add(b"12345")
