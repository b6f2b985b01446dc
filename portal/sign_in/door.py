"""What django-allauth asks of `requests`, through the product's one door out (`agents.outbound`)."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx2
import requests
from django.conf import settings
from requests.auth import HTTPBasicAuth

from agents import outbound

TIMEOUT_SECONDS = 10


class Session:
    """GET and POST to the configured identity provider and to public addresses; nothing else is reachable."""

    def __init__(self) -> None:
        self._client = outbound.client(timeout_seconds=TIMEOUT_SECONDS, trusted_origins=_origins())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, url: str, **options: Any) -> "Answer":
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> "Answer":
        return self.request("POST", url, **options)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: HTTPBasicAuth | None = None,
    ) -> "Answer":
        """One request.

        Raises:
            requests.RequestException: refused by the door, or failed out there.
        """
        basic = (str(auth.username), str(auth.password)) if auth else None
        try:
            return Answer(
                self._client.request(method, url, params=params, data=data, headers=headers, auth=basic)
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise requests.RequestException(str(error)) from error


class Answer:
    """An answer, with what allauth reads of it."""

    def __init__(self, response: httpx2.Response) -> None:
        self.status_code = response.status_code
        self.headers = response.headers
        self.content = response.content
        self.text = response.text
        self._response = response

    def json(self) -> Any:
        try:
            return self._response.json()
        except ValueError as error:
            raise requests.RequestException(
                "The identity provider answered with what is not JSON."
            ) from error

    def raise_for_status(self) -> None:
        if self.status_code >= httpx2.codes.BAD_REQUEST:
            raise requests.RequestException(f"The identity provider answered with HTTP {self.status_code}.")


def _origins() -> tuple[str, ...]:
    apps = settings.SOCIALACCOUNT_PROVIDERS.get("openid_connect", {}).get("APPS", [])
    return tuple(app["settings"]["server_url"] for app in apps)
