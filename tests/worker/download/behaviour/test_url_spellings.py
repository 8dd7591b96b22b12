"""An address inside is refused however it is spelled: by the check, and by the client that would connect."""

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ImageError
from worker.download.downloader import Downloader
from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList, check_address, check_host, is_public

INSIDE = st.sampled_from(
    [
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
    ]
).flatmap(lambda network: st.ip_addresses(v=4, network=network))
FULL = str.maketrans("0123456789.", "０１２３４５６７８９．")
ROUND = str.maketrans("123456789.", "①②③④⑤⑥⑦⑧⑨。")


def mapped(prefix: int, address: IPv4Address, shift: int = 0) -> str:
    return str(IPv6Address(prefix | int(address) << shift))


def spellings(address: IPv4Address) -> list[str]:
    """Write one IPv4 address in all the ways that something below us might understand."""
    text, number = str(address), int(address)
    parts = text.split(".")
    return [
        text,
        f"{text}.",
        str(number),
        hex(number),
        f"0{number:o}",
        ".".join(f"0{int(part):o}" for part in parts),
        ".".join(hex(int(part)) for part in parts),
        ".".join(part.zfill(3) for part in parts) + ".",
        f"{parts[0]}.{number & 0xFFFFFF}",
        f"{parts[0]}.{parts[1]}.{number & 0xFFFF}",
        text.translate(FULL),
        text.translate(ROUND),
        text.replace(".", "。"),
        "".join(f"%{ord(sign):02x}" for sign in text),
        f"[::ffff:{text}]",
        f"[{mapped(0xFFFF << 32, address)}]",
        f"[::{text}]",
        f"[{mapped(0xFFFF << 48, address)}]",
        f"[{mapped(0x0064_FF9B << 96, address)}]",
        f"[{mapped(0x2002 << 112, address, 80)}]",
        f"[::ffff:{text}%eth0]",
        f"[::ffff:{text}%25eth0]",
    ]


@given(address=INSIDE)
@settings(max_examples=60, deadline=None)
def test_no_spelling_of_an_address_inside_passes(address: IPv4Address) -> None:
    for host in spellings(address):
        with pytest.raises(ImageError) as caught:
            check_host(host, AllowList())
        assert caught.value.code == "asset_blocked_address", host


@given(number=st.integers(0, 2**128 - 1) | st.integers(0, 2**48) | st.integers(0xFE80 << 112, 0xFFFF << 112))
@settings(max_examples=200, deadline=None)
def test_an_ipv6_address_passes_only_if_all_that_it_carries_is_public(number: int) -> None:
    address = IPv6Address(number)
    carried = [part for part in (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())) if part]
    passes = True
    try:
        check_host(f"[{address}]", AllowList())
        check_address(str(address), "a.example", AllowList())
    except ImageError:
        passes = False
    assert passes == is_public(address)
    assert not passes or all(is_public(part) for part in carried)


@pytest.mark.parametrize(
    "url",
    [
        *(f"http://{host}:9/a.png" for host in spellings(IPv4Address("169.254.169.254"))),
        *("http://[::]:9/", "http://[::1]:9/", "http://[fe80::1%25lo]:9/", "http://0:9/", "http://0.0.0.0:9/"),
        *("http://a@127.0.0.1:9/", "http://8.8.8.8@127.0.0.1:9/", "http://127.0.0.1:9@10.0.0.1/"),
        *("http://100.64.0.1:9/", "http://127.0.0.1\\@8.8.8.8:9/", "http://127.0.0.1%2f@8.8.8.8:9/"),
    ],
)  # fmt: skip
async def test_the_downloader_connects_to_none_of_them(url: str, tmp_path: Path) -> None:
    async with open_download_client(AllowList(), 1) as client:
        with pytest.raises(ImageError) as caught:
            await Downloader(client).fetch(url, into=tmp_path)
    assert caught.value.code == "asset_blocked_address"
