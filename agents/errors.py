"""What goes wrong when agents act. Each carries the stored reason of its vocabulary."""

from django.db.models import TextChoices

from audits.errors import Denied


class CredentialError(Denied):
    """A token was refused; the call must not happen. `refusal` is a member of `CredentialRefusal`."""

    code = "invalid_token"
    status = 401

    def __init__(self, refusal: TextChoices) -> None:
        super().__init__(f"The credential was refused: {refusal.label.lower()}.")
        self.refusal = refusal


class NotActiveError(Denied):
    """The agent may not act now."""


class NotApprovedError(Denied):
    """What would run is not what was approved; the message names the fields that differ."""


class SigningKeyError(Exception):
    """There is no usable signing key; the message says how to mend it."""


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
