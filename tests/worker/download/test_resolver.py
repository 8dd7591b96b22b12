"""Resolver and socket factory under the SSRF guard."""

import asyncio
import socket
from datetime import timedelta

import pytest
from aiohttp.abc import ResolveResult

from models.errors import ImageError
from tests.worker.download.downloads import LOOPBACK
from tests.worker.download.hosts import Names
from worker.download.resolver import GuardedResolver, GuardedSocketFactory, PooledResolver
from worker.download.ssrf import AllowList


async def test_names_are_resolved_in_separate_threads() -> None:
    pool = PooledResolver(threads=1)
    guarded = GuardedResolver(LOOPBACK, inner=pool)
    found = await guarded.resolve("localhost", 80)
    assert {result["host"] for result in found} == {"127.0.0.1"}
    with pytest.raises(OSError):
        await pool.resolve("name.invalid", 80)
    await guarded.close()


async def test_a_name_with_one_blocked_address_is_refused() -> None:
    names = Names(mixed_example=[["8.8.8.8", "10.0.0.1"]])
    with pytest.raises(ImageError) as caught:
        await GuardedResolver(AllowList(), inner=names).resolve("mixed.example")
    assert caught.value.code == "asset_blocked_address"


async def test_a_lookup_that_hangs_times_out() -> None:
    class Hanging(Names):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            await asyncio.Event().wait()
            return []

    resolver = GuardedResolver(AllowList(), inner=Hanging(), timeout=timedelta(milliseconds=1))
    with pytest.raises(ImageError) as caught:
        await resolver.resolve("slow.example")
    assert (caught.value.code, caught.value.retryable) == ("asset_timeout", True)


def test_sockets_are_created_for_allowed_addresses_only() -> None:
    info = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))
    GuardedSocketFactory(LOOPBACK)(info).close()
    with pytest.raises(ImageError) as caught:
        GuardedSocketFactory(AllowList())(info)
    assert caught.value.code == "asset_blocked_address"
