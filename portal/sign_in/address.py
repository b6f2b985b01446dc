"""Where a request comes from."""

from allauth.core.internal.httpkit import get_client_ip
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str | None:
    """The client's address; behind proxies, what the outermost of `COUNTERSIGN_PROXIES` saw."""
    found: str | None = get_client_ip(request)
    return found
