"""Which network addresses anybody on the Internet reaches, and which tell a machine its secrets. Pure."""

import ipaddress

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

# Where clouds answer a machine about itself, credentials included: AWS (and its containers), Azure, Google,
# Alibaba, Oracle. Some of them lie in public ranges.
METADATA = frozenset(
    {
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    }
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def carried(address: str) -> Address:
    """The address that is really meant: of one that carries another (IPv4-mapped, NAT64, 6to4) that one.

    Raises:
        ValueError: it is no address.
    """
    parsed: Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed in NAT64:
            return ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        return parsed.ipv4_mapped or parsed.sixtofour or parsed
    return parsed


def is_metadata(address: str) -> bool:
    """Whether a cloud answers there about the machine that asks."""
    return str(carried(address)) in METADATA


def is_public(address: str) -> bool:
    """Whether anybody on the Internet reaches this address (IANA special-purpose registries).

    Addresses that carry another one count as the one they carry; Teredo never counts as public.
    """
    parsed = carried(address)
    if isinstance(parsed, ipaddress.IPv6Address) and (parsed.teredo or parsed.is_site_local):
        return False
    if str(parsed) in METADATA:
        return False
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved
