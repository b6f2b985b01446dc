"""The certificate of a request's client, where a proxy that is trusted hands one on (RFC 8705, RFC 9440).

A header is what anybody can send. It counts where `COUNTERSIGN_CLIENT_CERTIFICATE` says in which form the
proxy writes it, and the request came from an address of `COUNTERSIGN_TRUSTED_PROXIES`; else it is not there.
"""

from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest

from agents.oauth.certificate import HEADERS


def header_of(request: HttpRequest) -> str:
    """The header as it came, or nothing. One that came twice has a comma, which no reader takes."""
    form: str = settings.CLIENT_CERTIFICATE
    if not form or not _is_of_trusted_proxy(request):
        return ""
    found: str = request.headers.get(HEADERS[form], "")
    return found


def _is_of_trusted_proxy(request: HttpRequest) -> bool:
    """By the address of the connection itself: what was forwarded says nothing here."""
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in settings.TRUSTED_PROXIES)
