"""Decoding process: work is ended when it takes too long, and errors come back as they are."""

import os
import time

import pytest

from models.errors import ImageError, InvalidRequest
from tests.worker.images.drawing import draw
from worker.images.decode_process import DecodeProcess
from worker.images.grid import decode_cell
from worker.images.limits import MIB
from worker.images.shrink import shrink


async def test_work_is_done_in_one_other_process_that_stays() -> None:
    decoding = DecodeProcess()
    first, second = await decoding.run(os.getpid), await decoding.run(os.getpid)
    assert first == second != os.getpid()


async def test_it_gives_way_to_calls_and_requests() -> None:
    decoding = DecodeProcess()
    own = os.getpriority(os.PRIO_PROCESS, 0)
    for _ in range(2):
        assert await decoding.run(os.getpriority, os.PRIO_PROCESS, 0) == max(own, 5)


async def test_pixels_come_back() -> None:
    cell = await DecodeProcess().run(decode_cell, draw("PNG", 24, 16))
    assert (cell.mode, cell.size) == ("RGB", (24, 16))


async def test_errors_come_back_with_their_members() -> None:
    with pytest.raises(ImageError) as damaged:
        await DecodeProcess().run(decode_cell, b"GIF89a")
    assert (damaged.value.code, damaged.value.retryable) == ("asset_truncated", False)
    with pytest.raises(InvalidRequest) as refused:
        await DecodeProcess().run(shrink, draw("PNG", 24, 16), 1)
    assert (refused.value.field, refused.value.code) == ("images", "invalid")


async def test_work_that_takes_too_long_is_ended_and_the_next_goes_on() -> None:
    decoding = DecodeProcess(time_limit=3)
    process = await decoding.run(os.getpid)
    with pytest.raises(ImageError, match="3 s") as caught:
        await decoding.run(time.sleep, 3600)
    assert caught.value.code == "asset_too_large"
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert await decoding.run(os.getpid) != process


async def test_work_that_ends_the_process_is_not_a_damaged_image() -> None:
    with pytest.raises(ImageError) as caught:
        await DecodeProcess().run(os.abort)
    assert caught.value.code == "asset_too_large"


async def test_work_is_ended_by_its_processor_time_however_busy_the_machine_is() -> None:
    decoding = DecodeProcess(cpu_limit=1)
    with pytest.raises(ImageError, match="1 s of processor time"):
        await decoding.run(sum, range(10**12))
    assert await decoding.run(sum, range(10)) == 45


async def test_the_memory_of_the_work_is_limited() -> None:
    with pytest.raises(MemoryError):
        await DecodeProcess(memory_limit=128 * MIB).run(bytes, 256 * MIB)
