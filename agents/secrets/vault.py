"""Vault and OpenBao: the KV engine, version 2, at `COUNTERSIGN_VAULT_URL`.

The token in `COUNTERSIGN_VAULT_TOKEN_FILE` needs `read` on `<mount>/data/<path>`; to rotate, `update` there
and on `<mount>/destroy/<path>` as well.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings

from agents.secrets import web
from agents.secrets.broker import Stored, StoreError
from agents.secrets.uri import SecretURI
from agents.secrets.value import SecretValue

STORE = "Vault"


class Vault:
    """Reads one field of a secret; writes a new version of the whole with that field replaced."""

    title = "Vault or OpenBao"

    def check(self, uri: SecretURI) -> None:  # noqa: ARG002 - Broker's
        web.base("COUNTERSIGN_VAULT_URL", settings.VAULT_URL)

    def read(self, uri: SecretURI) -> Stored:
        data, version = self._newest(uri)
        value = data.get(uri.field)
        if not isinstance(value, str):
            raise StoreError(f"{STORE} has no text in the field {uri.field} there.")
        return Stored(SecretValue(value), version)

    def write(self, uri: SecretURI, value: SecretValue, *, over: str, token: str) -> str:  # noqa: ARG002
        """Check-and-set: a version that somebody else wrote meanwhile is never written over.

        The version is what makes trying again safe, so that `token` is not needed.
        """
        data, version = self._newest(uri)
        if version != over:
            raise StoreError(f"{STORE} has version {version} there by now, not {over}.")
        content = {"options": {"cas": int(over)}, "data": {**data, uri.field: value.reveal()}}
        answer = self._ask("POST", "data", uri, content)
        return str(answer["data"]["version"])

    def destroy(self, uri: SecretURI, version: str) -> None:
        self._ask("PUT", "destroy", uri, {"versions": [int(version)]})

    def _newest(self, uri: SecretURI) -> tuple[Mapping[str, Any], str]:
        answer = self._ask("GET", "data", uri, query=f"?version={uri.version}" if uri.version else "")
        return answer["data"]["data"], str(answer["data"]["metadata"]["version"])

    def _ask(
        self,
        method: str,
        verb: str,
        uri: SecretURI,
        content: Mapping[str, Any] | None = None,
        query: str = "",
    ) -> Any:
        base = web.base("COUNTERSIGN_VAULT_URL", settings.VAULT_URL)
        return web.ask(
            method,
            f"{base}/v1/{uri.place}/{verb}/{quote(uri.name)}{query}",
            store=STORE,
            headers={"X-Vault-Token": web.token("COUNTERSIGN_VAULT_TOKEN_FILE", settings.VAULT_TOKEN_FILE)},
            content=content,
        )
