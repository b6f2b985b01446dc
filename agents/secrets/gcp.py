"""GCP Secret Manager, by its REST API (v1).

The token comes from `COUNTERSIGN_GCP_TOKEN_FILE`, or from the metadata server of the machine.
"""

import base64

from django.conf import settings

from agents.secrets import web
from agents.secrets.broker import Stored
from agents.secrets.uri import SecretURI
from agents.secrets.value import SecretValue

STORE = "GCP Secret Manager"
IDENTITY = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"


class Gcp:
    title = STORE

    def check(self, uri: SecretURI) -> None:
        """Nothing: every project is at the same address, which is Google's."""

    def read(self, uri: SecretURI) -> Stored:
        base = web.base("COUNTERSIGN_GCP_SECRETS_URL", settings.GCP_SECRETS_URL)
        version = uri.version or "latest"
        answer = web.ask(
            "GET",
            f"{base}/v1/projects/{uri.place}/secrets/{uri.name}/versions/{version}:access",
            store=STORE,
            headers={"Authorization": f"Bearer {_token()}"},
        )
        value = base64.b64decode(answer["payload"]["data"], validate=True).decode()
        return Stored(SecretValue(value), str(answer["name"]).rpartition("/")[2])


def _token() -> str:
    if settings.GCP_TOKEN_FILE:
        return web.token("COUNTERSIGN_GCP_TOKEN_FILE", settings.GCP_TOKEN_FILE)
    answer = web.ask(
        "GET", IDENTITY, store=f"The metadata server for {STORE}", headers={"Metadata-Flavor": "Google"}
    )
    return str(answer["access_token"])
