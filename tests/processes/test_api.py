"""The management API on the server that people run: what the test client cannot show."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from tests.processes.installation import Installation


def ask(url: str, secret: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    named = {"Authorization": f"Bearer {secret}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    request = urllib.request.Request(url, data=body, headers=named)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answered:  # noqa: S310
            return answered.status, json.loads(answered.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def in_chunks() -> Iterator[bytes]:
    yield b'{"slug": '
    yield b'"x"}'


def test_a_token_from_the_command_line_and_a_body_in_chunks(installation: Installation) -> None:
    added = installation.manage("person", "add", "ada", "--administrator", "--invite")
    assert added.returncode == 0, added.stderr
    made = installation.manage("api_token", "add", "ada", "--scope", "write")
    secret = made.stdout.strip()
    address = installation.serve() + "/api/v1"
    status, me = ask(f"{address}/me", secret)
    assert (status, me["person"]["username"], me["token"]["name"]) == (200, "ada", "command line")
    status, told = ask(f"{address}/agents", secret, in_chunks(), Content_Type="application/json")
    assert (status, told["type"].rpartition("/")[2]) == (411, "length-required")
    status, told = ask(f"{address}/agents", secret, b"{", Content_Type="application/json")
    assert (status, told["type"].rpartition("/")[2]) == (400, "malformed")
    status, told = ask(f"{address}/nothing", "")
    assert (status, told["type"].rpartition("/")[2]) == (404, "not-found")
