"""Stores of secrets for tests: a real OpenBao's settings, and servers that follow what others publish."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from django.conf import LazySettings

from tests.audits.openbao import TOKEN, Bao

STORE_TOKEN = "token-of-the-portal-for-this-store"


def use_vault(bao: Bao, settings: LazySettings, folder: Path) -> None:
    (folder / "vault-token").write_text(f"{TOKEN}\n")
    settings.VAULT_URL, settings.VAULT_TOKEN_FILE = bao.address, str(folder / "vault-token")


def put(bao: Bao, path: str, **fields: str) -> None:
    """A new version of a secret in the KV engine."""
    assert bao.ask("POST", f"secret/data/{path}", {"data": fields}).is_success


@contextmanager
def scripted(answers: dict[str, Any]) -> Iterator[str]:
    """A server on this machine that answers by path, to who brings `STORE_TOKEN`; gives its address."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answers.get(self.path)
            known = self.headers.get("Authorization") == f"Bearer {STORE_TOKEN}"
            status = 401 if not known else 404 if found is None else 200
            body = b'{"error": {}}'
            if status == 200:
                body = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's
            """Quietly."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def azure_answer(value: str, version: str = "4387e9f3d6e14c459867679a90fd0f79") -> dict[str, Any]:
    """Get Secret, REST API 7.4."""
    return {
        "value": value,
        "id": f"https://our-vault.vault.azure.net/secrets/crm/{version}",
        "attributes": {"enabled": True, "created": 1493938410, "updated": 1493938410},
    }


def gcp_answer(value: str) -> dict[str, Any]:
    """projects.secrets.versions.access, v1."""
    data = base64.b64encode(value.encode()).decode()
    return {"name": "projects/417/secrets/crm/versions/3", "payload": {"data": data, "dataCrc32c": "1"}}
