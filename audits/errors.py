"""What a service raises when it does not do what was asked. Every edge presents these in its own form."""

from collections.abc import Mapping


class ServiceError(Exception):
    """Nothing was changed. `message` says what was wrong and how to mend it."""

    code = "error"
    status = 400

    def __init__(self, message: str, *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})


class Invalid(ServiceError):
    """The input is wrong; `fields` says which."""

    code = "invalid"
    status = 422


class Denied(ServiceError):
    """The actor may not do this."""

    code = "denied"
    status = 403


class Conflict(ServiceError):
    """It was already done, or somebody else was first; look again."""

    code = "conflict"
    status = 409


class NotFound(ServiceError):
    code = "not_found"
    status = 404
