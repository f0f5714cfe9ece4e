"""Where a request comes from: the address of the network, believing only the proxies that the settings
name."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from litestar.types import Scope

from core.web.guarding import headers


def client_address(scope: Scope, trusted_proxies: Sequence[str]) -> str:
    """The visitor's address; empty when the server does not tell one, as on a Unix socket.

    Each proxy appends to X-Forwarded-For the address it was called from. So the list is read from its end,
    and the first address that is no trusted proxy is the visitor's; what stands before it, anybody may have
    written (THREATS T-A6).
    """
    client = scope.get("client")
    known = client[0] if client else ""
    forwarded = [part.strip() for value in headers(scope, b"x-forwarded-for") for part in value.split(",")]
    while forwarded and _is_trusted(known, trusted_proxies):
        address = _parse(forwarded.pop())
        if address is None:
            break
        known = str(address)
    return str(_parse(known) or known)


def network_of(address: str) -> str:
    """The network that is taken for one visitor: an IPv4 address, or the /64 that one IPv6 customer has (RFC
    6177)."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((int(parsed), 64), strict=False))
    return address


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _is_trusted(text: str, trusted_proxies: Sequence[str]) -> bool:
    address = _parse(text)
    return address is not None and any(address in ip_network(network) for network in trusted_proxies)
