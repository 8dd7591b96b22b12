"""Which addresses may be reached, in all the ways in which they can be written."""

from ipaddress import ip_address

import pytest

from models.errors import ImageError, SettingsError
from worker.download.ssrf import AllowList, check_address, check_host, is_public

PUBLIC = [
    *("8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.32.0.1", "192.0.1.1", "198.20.0.1"),
    *("2606:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"),
]
PRIVATE = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254"),
    *(
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.8",
        "192.0.0.170",
        "192.0.2.1",
    ),
    *("192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::7f00:1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1"),
    *("2001:0:7f00:1::", "2001:0:808:808:0:0:80ff:fffe", "2001:db8::1", "2001:2::1", "3fff::1", "5f00::1"),
    *("fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "100::1", "4000::1"),
]
ODD_HOSTS = [
    *("2130706433", "017700000001", "0x7f000001", "0x7f.1", "127.1", "127.0.1", "0177.0.0.1", "127.0.0.1."),
    *("0", "0x", "1.2.3.4.5", "256.1.1.1", "8.8.8.08", "134744072", "8.8.2056", "127.0.0.1.."),
    *("１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1", "１２７．０．０．１"),
    *("[::1%eth0]", "fe80::1%25lo", "[::1]%00", "127.0.0.1%00.example.com", "%31%32%37.0.0.1", "a b", ""),
    *("example.com\\@127.0.0.1", "[::ffff:127.0.0.1", "[::]", "[12345::1]", "0:0:0:0:0:ffff:7f00:0001"),
]


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_may_be_reached(text: str) -> None:
    assert is_public(ip_address(text))
    check_address(text, "a.example", AllowList())


@pytest.mark.parametrize("text", PRIVATE)
def test_other_addresses_may_not(text: str) -> None:
    assert not is_public(ip_address(text))
    with pytest.raises(ImageError, match="DARKROOM_ALLOW_PRIVATE") as caught:
        check_address(text, "a.example", AllowList())
    assert caught.value.code == "asset_blocked_address"
    assert not caught.value.retryable


@pytest.mark.parametrize("host", [*ODD_HOSTS, *PRIVATE])
def test_a_host_that_is_a_bad_or_oddly_written_address_is_refused(host: str) -> None:
    with pytest.raises(ImageError) as caught:
        check_host(host, AllowList())
    assert caught.value.code == "asset_blocked_address"


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "a1.example",
        "xn--fiq228c.example",
        "中文.example",
        "7.example",
        "dead.beef",
        "localhost",
    ],
)
def test_names_are_left_to_the_resolver(host: str) -> None:
    check_host(host, AllowList())


@pytest.mark.parametrize("host", [*PUBLIC, "[2606:4700::1111]"])
def test_public_addresses_may_stand_in_a_link(host: str) -> None:
    check_host(host, AllowList())


@pytest.mark.parametrize("text", ["10.1.2.3", "::ffff:10.1.2.3", "fd00::5", "64:ff9b::10.1.2.3"])
def test_an_allowed_network_may_be_reached_in_every_form(text: str) -> None:
    allow = AllowList.parse(["10.0.0.0/8", " fd00::/16 ", ""])
    check_address(text, "nas.local", allow)
    check_host(text, allow)


def test_what_is_not_allowed_stays_refused() -> None:
    allow = AllowList.parse(["10.0.0.0/8"])
    for text in ("127.0.0.1", "11.0.0.1::", "192.168.0.1", "::ffff:127.0.0.1"):
        with pytest.raises(ImageError):
            check_address(text, "nas.local", allow)


def test_a_teredo_address_needs_both_its_addresses_public() -> None:
    assert is_public(ip_address("2001:0:808:808:0:0:f7f7:f7f7"))
    assert not is_public(ip_address("2001:0:808:808:0:0:80ff:fffe"))


def test_wrong_networks_are_named_one_by_one() -> None:
    with pytest.raises(SettingsError) as caught:
        AllowList.parse(["10.0.0.0/8", "10.0.0.1/8", "nas.local"])
    assert len(caught.value.faults) == 2
