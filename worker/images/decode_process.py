"""Decoding process: work on pixels in a child process, which is killed when the work takes too long.

Decoders can't be interrupted within a thread, and some images of a few megabytes keep them busy for minutes.
The child starts with the first image, and stays for the next one. The operating system limits its memory.
"""

import asyncio
import os
from collections.abc import Callable
from typing import TypeVar

from anyio import BrokenWorkerProcess, CapacityLimiter, to_process

from models.errors import ImageError
from worker.images.limits import MIB
from worker.process.resource_limits import limit_resources

_START_LIMIT = 60.0  # seconds until the child has started
CPU_LIMIT = 20  #: seconds of processor time for one image; the largest ones that are accepted take about two
TIME_LIMIT = 120.0  #: seconds for one image on a busy machine
MEMORY_LIMIT = 640 * MIB  #: bytes of data in the child; the largest images that are accepted take about 500
_COPIES = 4  # of the file: in the worker, on its way to the child, and there
_PIXEL = 13  # bytes: four, up to three times while an image is turned, reduced or made smaller
_T = TypeVar("_T")


def decoding_memory(size: int, pixels: int) -> int:
    """Return the bytes of memory that it takes to decode a file of ``size`` bytes, in both processes."""
    return _COPIES * size + _PIXEL * pixels


class DecodeProcess:
    """Runs functions on images, one at a time: each may take hundreds of megabytes."""

    def __init__(
        self, *, cpu_limit: int = CPU_LIMIT, time_limit: float = TIME_LIMIT, memory_limit: int = MEMORY_LIMIT
    ) -> None:
        self._cpu_limit, self._time_limit, self._memory_limit = cpu_limit, time_limit, memory_limit
        self._turn = asyncio.Lock()
        self._limiter = CapacityLimiter(1)

    async def run(self, work: Callable[..., _T], *args: object) -> _T:
        """Return ``work(*args)``: a function of a module, with arguments and a result that can be pickled.

        Raises what it raises, and ``ImageError``: ``asset_too_large`` if it took too long or ended the
        process, ``asset_timeout`` if no process could be started.
        """
        async with self._turn:
            await self._start()
            try:
                async with asyncio.timeout(self._time_limit):
                    return await self._call(work, *args)
            except TimeoutError as error:
                message = f"The picture takes more than {self._time_limit:g} s to open."
                raise ImageError("asset_too_large", message) from error
            except BrokenWorkerProcess as error:
                limits = f"{self._cpu_limit} s of processor time and {self._memory_limit // MIB} MiB"
                raise ImageError(
                    "asset_too_large", f"The picture can't be opened within {limits}."
                ) from error

    async def _start(self) -> None:
        """Start the child if none runs: a damaged image must not be taken for the cause of a failure."""
        try:
            async with asyncio.timeout(_START_LIMIT):
                await self._call(os.getpid)
        except (TimeoutError, BrokenWorkerProcess, OSError) as error:
            message = "The process that opens pictures could not be started."
            raise ImageError("asset_timeout", message, retryable=True) from error

    async def _call(self, work: Callable[..., _T], *args: object) -> _T:
        limits = self._cpu_limit, self._memory_limit
        return await to_process.run_sync(
            _limited, *limits, work, args, cancellable=True, limiter=self._limiter
        )


def _limited(seconds: int, memory: int, work: Callable[..., _T], args: tuple[object, ...]) -> _T:
    """Run work within limits of processor time and memory, which the operating system enforces."""
    limit_resources(cpu=seconds, memory=memory)
    return work(*args)
