"""Azure Key Vault, by its REST API (api-version 7.4). Only vaults in `COUNTERSIGN_AZURE_VAULTS` are asked.

The token comes from `COUNTERSIGN_AZURE_TOKEN_FILE`, or from the managed identity of the machine.
"""

from django.conf import settings

from agents.secrets import web
from agents.secrets.broker import Stored, StoreError
from agents.secrets.uri import SecretURI
from agents.secrets.value import SecretValue

STORE = "Azure Key Vault"
API = "api-version=7.4"
IDENTITY = (
    "http://169.254.169.254/metadata/identity/oauth2/token"
    "?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net"
)


class Azure:
    title = STORE

    def check(self, uri: SecretURI) -> None:
        """A vault's name is a host's: whoever names one of their own would be sent the portal's token."""
        if uri.place.lower() not in {name.lower() for name in settings.AZURE_VAULTS}:
            raise StoreError("This vault is not among those in COUNTERSIGN_AZURE_VAULTS.")

    def read(self, uri: SecretURI) -> Stored:
        self.check(uri)
        base = web.base("COUNTERSIGN_AZURE_VAULT_URL", settings.AZURE_VAULT_URL.format(vault=uri.place))
        version = f"/{uri.version}" if uri.version else ""
        answer = web.ask(
            "GET",
            f"{base}/secrets/{uri.name}{version}?{API}",
            store=STORE,
            headers={"Authorization": f"Bearer {_token()}"},
        )
        return Stored(SecretValue(str(answer["value"])), str(answer["id"]).rpartition("/")[2])


def _token() -> str:
    if settings.AZURE_TOKEN_FILE:
        return web.token("COUNTERSIGN_AZURE_TOKEN_FILE", settings.AZURE_TOKEN_FILE)
    answer = web.ask("GET", IDENTITY, store=f"The identity service for {STORE}", headers={"Metadata": "true"})
    return str(answer["access_token"])
