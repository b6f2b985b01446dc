"""Secrets by reference (S2-11): stores behind one protocol, a module each.

What leaves this package is a `SecretValue`, or a `StoreError` that carries nothing of one.
"""

from collections.abc import Mapping

from agents.secrets.aws import Aws
from agents.secrets.azure import Azure
from agents.secrets.broker import MAX_BYTES, Broker, SelfRotating, Stored, StoreError, Writer, guarded
from agents.secrets.environment import EnvironmentVariables
from agents.secrets.files import Files
from agents.secrets.gcp import Gcp
from agents.secrets.uri import SecretURI, SecretURIError, parse
from agents.secrets.value import SecretValue
from agents.secrets.vault import Vault

__all__ = [
    "BROKERS",
    "SecretURI",
    "SecretURIError",
    "SecretValue",
    "StoreError",
    "Stored",
    "check",
    "destroy",
    "locate",
    "parse",
    "read",
    "rotates_itself",
    "self_rotate",
    "title",
    "write",
    "writes",
]

BROKERS: Mapping[str, Broker] = {
    "vault": Vault(),
    "aws-sm": Aws(),
    "azure-kv": Azure(),
    "gcp-sm": Gcp(),
    "env": EnvironmentVariables(),
    "file": Files(),
}


def locate(text: str) -> SecretURI:
    """The place that a stored reference names. Raises StoreError: it names none that is known today."""
    try:
        return parse(text)
    except SecretURIError as error:
        raise StoreError(str(error)) from None


def title(uri: SecretURI) -> str:
    return BROKERS[uri.scheme].title


def check(uri: SecretURI) -> None:
    """Raises StoreError: the settings do not let a reference name this place."""
    guarded(title(uri), lambda: BROKERS[uri.scheme].check(uri))


def read(uri: SecretURI) -> Stored:
    """The value as it is now. No transaction may be open. Raises StoreError."""
    stored = guarded(title(uri), lambda: BROKERS[uri.scheme].read(uri))
    if not stored.value.reveal() or len(stored.value.reveal()) > MAX_BYTES:
        raise StoreError(f"{title(uri)} holds nothing there, or more than {MAX_BYTES} characters.")
    return stored


def writes(uri: SecretURI) -> bool:
    """Whether the portal can write another value there; a reference to one version stays as it is."""
    return isinstance(BROKERS[uri.scheme], Writer) and not uri.version


def rotates_itself(uri: SecretURI) -> bool:
    return isinstance(BROKERS[uri.scheme], SelfRotating) and not uri.version


def write(uri: SecretURI, value: SecretValue, *, over: str, token: str) -> str:
    """Store another value over the version `over`; gives the new version. Raises StoreError."""
    broker = BROKERS[uri.scheme]
    if not isinstance(broker, Writer):
        raise StoreError(f"The portal does not write to {broker.title}.")
    return guarded(broker.title, lambda: broker.write(uri, value, over=over, token=token))


def self_rotate(uri: SecretURI, *, token: str) -> str:
    """Have the store make a new value; gives the new version. Raises StoreError."""
    broker = BROKERS[uri.scheme]
    if not isinstance(broker, SelfRotating):
        raise StoreError(f"{broker.title} does not rotate by itself.")
    return guarded(broker.title, lambda: broker.rotate(uri, token=token))


def destroy(uri: SecretURI, version: str) -> None:
    """Make an old version unreadable. Raises StoreError."""
    broker = BROKERS[uri.scheme]
    if not isinstance(broker, Writer):
        raise StoreError(f"The portal does not write to {broker.title}.")
    guarded(broker.title, lambda: broker.destroy(uri, version))
