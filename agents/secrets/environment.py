"""Variables of the portal's own environment: only those that `COUNTERSIGN_SECRET_VARIABLES` lists."""

import os

from django.conf import settings

from agents.secrets.broker import Stored, StoreError
from agents.secrets.uri import SecretURI
from agents.secrets.value import SecretValue

OWN = "COUNTERSIGN_"


class EnvironmentVariables:
    title = "Environment"

    def check(self, uri: SecretURI) -> None:
        """The portal's own settings are never named, whoever lists them."""
        if uri.name.upper().startswith(OWN):
            raise StoreError(f"No reference names a setting of the portal itself ({OWN}…).")
        if uri.name not in settings.SECRET_VARIABLES:
            raise StoreError("This variable is not among those in COUNTERSIGN_SECRET_VARIABLES.")

    def read(self, uri: SecretURI) -> Stored:
        self.check(uri)
        if not os.environ.get(uri.name):
            raise StoreError("The portal's environment has no such variable.")
        return Stored(SecretValue(os.environ[uri.name]), "")
