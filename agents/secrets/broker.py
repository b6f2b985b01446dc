"""What every store is behind: one protocol, and a door through which no value leaves in an error."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from agents.secrets.uri import SecretURI
from agents.secrets.value import SecretValue

MAX_BYTES = 64 * 1024
T = TypeVar("T")


class StoreError(Exception):
    """A store could not do it. The message is made of what the product knows, never of an answer.

    `temporary` says whether trying again can help.
    """

    def __init__(self, message: str, *, temporary: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.temporary = temporary


@dataclass(frozen=True, slots=True)
class Stored:
    """A value as the store holds it now, and which version that is; empty where it counts none."""

    value: SecretValue
    version: str


class Broker(Protocol):
    """Reads from one kind of store."""

    title: str

    def check(self, uri: SecretURI) -> None:
        """Whether the settings let a reference name this place.

        Raises:
            StoreError: they do not; the message says which setting would.
        """

    def read(self, uri: SecretURI) -> Stored:
        """
        Raises:
            StoreError: it is not there, or the store does not give it.
        """


@runtime_checkable
class Writer(Protocol):
    """A store to which the portal can write another value, and in which it can end the one before."""

    def write(self, uri: SecretURI, value: SecretValue, *, over: str, token: str) -> str:
        """Store another value; gives its version. Only if `over` is still the newest version.

        `token` is the same whenever the same rotation is tried again: what was written already is not
        written twice.

        Raises:
            StoreError: the store refused, or somebody else has written meanwhile.
        """

    def destroy(self, uri: SecretURI, version: str) -> None:
        """Make an old version unreadable for good.

        Raises:
            StoreError: the store refused.
        """


@runtime_checkable
class SelfRotating(Protocol):
    """A store that makes and installs a new value itself."""

    def rotate(self, uri: SecretURI, *, token: str) -> str:
        """Have it do so; gives the new version.

        Raises:
            StoreError: the store refused.
        """


def guarded(title: str, call: Callable[[], T]) -> T:
    """Run what touches a store; whatever fails leaves as a `StoreError` that has nothing behind it.

    An exception carries its frames, and these the store's answer: so the error is made anew out here,
    after the `except` is over, without cause, context or traceback of the one that happened.

    Raises:
        StoreError: see there.
    """
    try:
        return call()
    except StoreError as error:
        message, temporary = error.message, error.temporary
    except Exception as error:  # noqa: BLE001 - whatever it is, its frames may hold the value
        message, temporary = f"{title} could not be used ({type(error).__name__}).", True
    raise StoreError(message, temporary=temporary)
