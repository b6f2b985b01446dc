"""What goes wrong when agents act. Each carries the stored reason of its vocabulary."""

from typing import Any

from django.db.models import TextChoices

from audits.errors import Denied, ServiceError


class CredentialError(Denied):
    """A token was refused; the call must not happen. `refusal` is a member of `CredentialRefusal`."""

    code = "invalid_token"
    status = 401

    def __init__(self, refusal: TextChoices) -> None:
        super().__init__(f"The credential was refused: {refusal.label.lower()}.")
        self.refusal = refusal


class TokenError(Denied):
    """An API token was refused. `refusal` is a member of `TokenRefusal`; `token` is the row, if it is one."""

    code = "invalid_token"
    status = 401

    def __init__(self, refusal: TextChoices, token: Any = None) -> None:
        super().__init__(f"{refusal.label}.")
        self.refusal = refusal
        self.token = token


class NotActiveError(Denied):
    """The agent may not act now."""


class NotApprovedError(Denied):
    """What would run is not what was approved; the message names the fields that differ."""


class SigningKeyError(Exception):
    """There is no usable signing key; the message says how to mend it."""


class SecretRefusedError(Denied):
    """A secret was not given. `refusal` is a member of `SecretRefusal`."""

    def __init__(self, refusal: TextChoices) -> None:
        super().__init__(f"The secret was not given: {refusal.label.lower()}.")
        self.refusal = refusal


class SecretUnavailableError(ServiceError):
    """The store of a secret did not do what was asked; the message is the product's own."""

    code = "unavailable"
    status = 503


class RunOverError(Exception):
    """The run is over before its findings are; `reason` is a member of `RunReason`."""

    def __init__(self, reason: TextChoices, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class ModelError(Exception):
    """The model gave no usable answer. `reason` is a member of `RunReason`, with which a run ends.

    `temporary` says whether trying again can help.
    """

    def __init__(self, reason: TextChoices, message: str, *, temporary: bool) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.temporary = temporary


class FunctionError(Exception):
    """A function could not do its work. `ambiguous`: it may have taken effect all the same."""

    def __init__(self, message: str, *, ambiguous: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.ambiguous = ambiguous


class NotSentError(Exception):
    """A mail or a call of the webhook was not taken, or nobody knows whether it was.

    `temporary` says whether trying again can help, `ambiguous` that it may have arrived all the same.
    """

    def __init__(self, message: str, *, temporary: bool, ambiguous: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.temporary = temporary
        self.ambiguous = ambiguous
