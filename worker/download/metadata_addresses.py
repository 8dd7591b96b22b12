"""Metadata addresses of clouds: they hand credentials of the machine to any request that reaches them.

Addresses are from each vendor's documentation. Some are public, and others lie in networks that an operator
may allow for other reasons, so that they are refused on their own.
"""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

#: Address → the service behind it, and where its vendor documents it.
METADATA_ADDRESSES: Mapping[Address, str] = {
    ip_address(text): service
    for text, service in (
        # docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html; the same address in
        # Azure, Google Cloud, Oracle Cloud, IBM Cloud, DigitalOcean, Hetzner, Huawei Cloud and OpenStack
        ("169.254.169.254", "instance metadata"),
        ("fd00:ec2::254", "AWS instance metadata"),  # the same page
        # docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
        ("169.254.170.2", "AWS ECS task credentials"),
        # docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
        ("169.254.170.23", "AWS EKS pod identity"),
        ("fd00:ec2::23", "AWS EKS pod identity"),  # the same page
        # learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16; a public address
        ("168.63.129.16", "Azure WireServer"),
        # cloud.google.com/compute/docs/metadata/querying-metadata
        ("fd20:ce::254", "Google Cloud instance metadata"),
        # docs.oracle.com/en/cloud/iaas/compute-iaas-cloud/stcsg/retrieving-instance-metadata.html
        ("192.0.0.192", "Oracle Cloud Classic instance metadata"),
        # alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
        ("100.100.100.200", "Alibaba Cloud instance metadata"),
        # cloud.tencent.com/document/product/213/4934
        ("169.254.0.23", "Tencent Cloud instance metadata"),
        # volcengine.com/docs/6396/72254
        ("100.96.0.96", "Volcano Engine instance metadata"),
        # scaleway.com/en/docs/instances/how-to/use-cloud-init
        ("169.254.42.42", "Scaleway instance metadata"),
        ("fd00:42::42", "Scaleway instance metadata"),  # the same page
        # techdocs.akamai.com/cloud-computing/docs/overview-of-the-metadata-service
        ("fd00:a9fe:a9fe::1", "Linode instance metadata"),
        # docs.openstack.org/neutron/latest/admin/config-services-agent.html
        ("fe80::a9fe:a9fe", "OpenStack instance metadata"),
    )
}

_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")  # RFC 8215: its operator chooses the length of the prefix
_ISATAP = 0x5EFE  # RFC 5214, section 6.1: the interface identifier 0000:5efe or 0200:5efe, then IPv4
_IPV4 = 0xFFFFFFFF


def metadata_service(address: Address) -> str | None:
    """Return the metadata service that an address leads to, itself or by an IPv4 address within it."""
    embedded = _embedded(address) if isinstance(address, IPv6Address) else ()
    candidates: tuple[Address, ...] = (address, *embedded)
    return next((METADATA_ADDRESSES[each] for each in candidates if each in METADATA_ADDRESSES), None)


def _embedded(address: IPv6Address) -> Iterator[IPv4Address]:
    """Yield IPv4 addresses within local NAT64 (RFC 6052, section 2.2) and ISATAP addresses."""
    number = int(address)
    if address in _LOCAL_NAT64:
        yield IPv4Address(number & _IPV4)  # a prefix of 96 bits
        yield IPv4Address(number >> 24 & _IPV4)  # of 64: bits 64 to 71 are zero
        yield IPv4Address((number >> 64 & 0xFF) << 24 | number >> 32 & 0xFF_FFFF)  # of 56
        yield IPv4Address((number >> 64 & 0xFFFF) << 16 | number >> 40 & 0xFFFF)  # of 48
    if number >> 32 & 0xFDFF_FFFF == _ISATAP:
        yield IPv4Address(number & _IPV4)
