"""How the client's requests travel in tests: into the product without a socket, or to a script."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
from django.test import Client

Script = Callable[[httpx2.Request], httpx2.Response]


class ToDjango(httpx2.BaseTransport):
    """Carries requests to the portal."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = Client().generic(
            request.method,
            request.url.raw_path.decode(),
            request.read(),
            content_type=request.headers.get("Content-Type", ""),
            headers={name: value for name, value in request.headers.items() if name != "content-length"},
        )
        return httpx2.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)


def body_of(request: httpx2.Request) -> Any:
    return json.loads(request.read() or b"null")


def answered(status: int, body: Any) -> httpx2.Response:
    return httpx2.Response(status, json=body)
