"""Asking a store over HTTPS, through the product's one door out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from agents import outbound, outbound_watch
from agents.secrets.broker import MAX_BYTES, StoreError
from audits.operator_http import AddressRefused, check_address

TIMEOUT_SECONDS = 5.0
WORDS = {
    401: "it does not take the portal's token",
    403: "the portal's token may not do that there",
    404: "it has nothing there, or no such version",
    409: "it was changed meanwhile",
    429: "it asks to wait",
}


def ask(
    method: str,
    url: str,
    *,
    store: str,
    headers: Mapping[str, str],
    content: Mapping[str, Any] | None = None,
) -> Any:
    """The JSON that a store answers; None where it answers nothing.

    Raises:
        StoreError: unreachable, not a success, or not JSON. Run it inside `guarded`.
    """
    door = outbound.client(timeout_seconds=TIMEOUT_SECONDS, trusted_origins=(url,), max_bytes=MAX_BYTES * 4)
    with outbound_watch.unwatched(), door:
        answer = door.request(method, url, headers=dict(headers), json=content)
    if not answer.is_success:
        why = WORDS.get(answer.status_code, f"it answered {answer.status_code}")
        temporary = answer.status_code == outbound.HTTP_TOO_MANY_REQUESTS or answer.is_server_error
        raise StoreError(f"{store}: {why}.", temporary=temporary)
    return orjson.loads(answer.content) if answer.content else None


def base(setting: str, address: str) -> str:
    """The address of a store, from the settings.

    Raises:
        StoreError: none is set, or it is neither https nor on this machine.
    """
    if not address:
        raise StoreError(f"{setting} is not set: the portal does not know where this store is.")
    try:
        check_address(address)
    except AddressRefused as error:
        raise StoreError(f"{setting}: {error}") from error
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def token(setting: str, path: str) -> str:
    """The token in a file that the settings name.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise StoreError(f"{setting}: the file cannot be read ({type(error).__name__}).") from error
