"""What is answered instead of a resource (RFC 7644, section 3.12)."""


class ScimError(Exception):
    """`status` is HTTP's, `scim_type` one of the RFC's words for what is wrong, or empty."""

    def __init__(self, detail: str, *, scim_type: str = "", status: int = 400) -> None:
        super().__init__(detail)
        self.detail = detail
        self.scim_type = scim_type
        self.status = status
