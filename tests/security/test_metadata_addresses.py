"""Links to a cloud's metadata service: refused in every spelling, also where private networks are allowed."""

import httpx
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from api.jobs.validation import check_webhook_url
from models.errors import ImageError, InvalidRequest
from models.settings import Settings
from worker.download.http_client import open_download_client
from worker.download.metadata_addresses import METADATA_ADDRESSES
from worker.download.ssrf import AllowList, check_address, check_host

EVERYTHING = ("0.0.0.0/0", "::/0")
ADDRESSES = [str(address) for address in METADATA_ADDRESSES]
V4 = [text for text in ADDRESSES if ":" not in text]


def spellings(text: str) -> list[str]:
    """Return the IPv6 addresses by which packets reach an IPv4 address."""
    high, low = (f"{int.from_bytes(bytes(map(int, text.split('.')[at : at + 2]))):x}" for at in (0, 2))
    return [
        *(f"::ffff:{text}", f"::{text}", f"::ffff:0:{text}", f"64:ff9b::{text}", f"64:ff9b:1::{text}"),
        *(f"2002:{high}:{low}::1", f"fe80::5efe:{text}"),
    ]


ALL = [*ADDRESSES, *(each for text in V4 for each in spellings(text))]


@pytest.mark.parametrize("text", ALL)
@pytest.mark.parametrize("networks", [(), EVERYTHING, ("169.254.0.0/16", "168.63.129.16/31", "fd00::/8")])
def test_no_network_opens_a_metadata_address(text: str, networks: tuple[str, ...]) -> None:
    allow = AllowList.parse(networks)
    with pytest.raises(ImageError, match="DARKROOM_ALLOW_PRIVATE"):
        check_address(text, "metadata.google.internal", allow)
    with pytest.raises(ImageError, match="DARKROOM_ALLOW_PRIVATE"):
        check_host(f"[{text}]" if ":" in text else text, allow)


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_that_is_named_alone_is_reached(text: str) -> None:
    check_address(text, "a.example", AllowList.parse([text]))


def test_a_mapped_spelling_is_reached_where_its_address_is_named() -> None:
    check_address("::ffff:169.254.169.254", "a.example", AllowList.parse(["169.254.169.254"]))


@pytest.mark.parametrize("text", V4)
def test_a_webhook_to_one_is_refused_at_submit(text: str) -> None:
    settings = Settings(allow_private=EVERYTHING)
    with pytest.raises(InvalidRequest, match="this very address"):
        check_webhook_url("webhook_url", f"http://{text}/hook", settings)


class _ResolvesToMetadata(AbstractResolver):
    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host="169.254.169.254", port=port, family=2, proto=0, flags=0),
        ]

    async def close(self) -> None:
        pass


async def test_a_name_that_resolves_to_one_is_refused_before_the_connection() -> None:
    client = open_download_client(AllowList.parse(EVERYTHING), 1, resolver=_ResolvesToMetadata())
    async with client:
        with pytest.raises((ImageError, httpx.HTTPError)) as caught:
            await client.get("http://metadata.google.internal/computeMetadata/v1/")
    assert "this very address" in str(caught.value)
