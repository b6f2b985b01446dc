"""The connection to one portal: what is sent, and what of an answer is believed."""

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx2

from countersign_client.errors import Refused, Unreachable

MAX_ANSWER_BYTES = 4 * 1024 * 1024
SERVER_ERROR = 500
OK = range(200, 300)


class Portal:
    """A portal, by the address of its issuer. Thread-safe; close it, or use it as a context manager.

    Args:
        issuer: `https://portal.example.org`, exactly as its metadata names it.
        timeout: seconds to wait for an answer.
        transport: another way to carry requests, for tests.
    """

    def __init__(
        self, issuer: str, *, timeout: float = 5.0, transport: httpx2.BaseTransport | None = None
    ) -> None:
        self.issuer = issuer
        self.timeout = timeout
        self._http = httpx2.Client(
            base_url=issuer.rstrip("/"), timeout=timeout, transport=transport, follow_redirects=False
        )

    def address(self, path: str) -> str:
        return f"{self.issuer.rstrip('/')}{path}"

    def get(self, path: str, *, headers: Mapping[str, str], timeout: float | None = None) -> dict[str, Any]:
        """
        Raises:
            Unreachable: no answer that can be trusted.
            Refused: the portal answered with an error.
        """
        return self._ask("GET", path, headers=headers, timeout=timeout)

    def post(self, path: str, body: Mapping[str, Any], *, headers: Mapping[str, str]) -> dict[str, Any]:
        """Send JSON. Raises as `get` does."""
        return self._ask("POST", path, headers=headers, json=body)

    def post_form(self, path: str, form: Mapping[str, str], *, headers: Mapping[str, str]) -> dict[str, Any]:
        """Send a form, as OAuth's endpoints want it. Raises as `get` does."""
        return self._ask("POST", path, headers=headers, data=form)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(
        self, method: str, path: str, *, headers: Mapping[str, str], timeout: float | None = None, **body: Any
    ) -> dict[str, Any]:
        patience = self.timeout if timeout is None else timeout
        try:
            with self._http.stream(method, path, headers=headers, timeout=patience, **body) as answer:
                content = _at_most(answer, MAX_ANSWER_BYTES)
        except httpx2.HTTPError as error:
            raise Unreachable(f"{self.address(path)} did not answer: {error}") from error
        found = _json(content)
        if answer.status_code in OK:
            return _object(found, self.address(path))
        raise _error(answer.status_code, found, self.address(path))


def _at_most(answer: httpx2.Response, most: int) -> bytes:
    received = bytearray()
    for chunk in answer.iter_bytes():
        received += chunk
        if len(received) > most:
            raise Unreachable(f"The answer of {answer.url} has more than {most} bytes.")
    return bytes(received)


def _json(content: bytes) -> Any:
    """What was answered, or None where it is not JSON."""
    try:
        return json.loads(content) if content else {}
    except (ValueError, RecursionError):
        return None


def _object(found: Any, address: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise Unreachable(f"The answer of {address} is not a JSON object.")
    return found


def _error(status: int, found: Any, address: str) -> Refused | Unreachable:
    """Told apart by what helps: what the portal refuses it refuses again, what it could not do it may do."""
    if status >= SERVER_ERROR or found is None:
        return Unreachable(f"{address} answered {status}.")
    if isinstance(found, str):  # AuthZEN 1.0: an error is a string
        return Refused(found, status=status, body=found)
    said = found if isinstance(found, dict) else {}
    named = (said.get(name) for name in ("error_description", "detail", "title"))
    message = next((text for text in named if text), f"{address} answered {status}.")
    code = said.get("error") or str(said.get("type", "")).rpartition("/")[2]
    return Refused(str(message), status=status, code=str(code), body=found)
