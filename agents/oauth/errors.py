"""What the token endpoint answers instead of a token (RFC 6749 section 5.2, and its extensions)."""

from audits.errors import ServiceError


class OAuthError(ServiceError):
    """Nothing was issued. `code` is the error of the standard; `message` says how to mend it."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def invalid_client(message: str) -> OAuthError:
    """RFC 6749 section 5.2; with 401, since the client did not prove itself."""
    return OAuthError("invalid_client", message, status=401)


def invalid_request(message: str) -> OAuthError:
    return OAuthError("invalid_request", message)


def invalid_target(message: str) -> OAuthError:
    """RFC 8693 section 2.2.2."""
    return OAuthError("invalid_target", message)


def invalid_dpop_proof(message: str) -> OAuthError:
    """RFC 9449 section 5."""
    return OAuthError("invalid_dpop_proof", message)


def invalid_authorization_details(message: str) -> OAuthError:
    """RFC 9396 section 5."""
    return OAuthError("invalid_authorization_details", message)
