"""Metadata addresses of clouds, and addresses that embed one."""

from ipaddress import IPv4Address, ip_address

import pytest

from worker.download.metadata_addresses import METADATA_ADDRESSES, metadata_service
from worker.download.ssrf import effective_addresses

EMBEDDED = [
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1:0:a9:fea9:fe00:0",
    "64:ff9b:1:a9:fe:a9fe::",
    "64:ff9b:1:a9fe:a9:fe00::",
    "fe80::5efe:a9fe:a9fe",
    "2001:470::200:5efe:a83f:8110",
]


@pytest.mark.parametrize("address", METADATA_ADDRESSES)
def test_each_address_of_the_table_has_a_service(address: IPv4Address) -> None:
    assert metadata_service(address)


@pytest.mark.parametrize("text", EMBEDDED)
def test_an_address_that_embeds_one_leads_to_its_service(text: str) -> None:
    assert metadata_service(ip_address(text))


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "169.254.169.253", "168.63.129.17", "64:ff9b:1::8.8.8.8", "2606::1"]
)
def test_other_addresses_lead_to_none(text: str) -> None:
    assert metadata_service(ip_address(text)) is None


def test_the_table_is_in_the_form_in_which_addresses_are_checked() -> None:
    for address in METADATA_ADDRESSES:
        assert [*effective_addresses(address)] == [address]
