"""Bearer tokens (RFC 6750): whose request this is. No cookie counts here."""

from typing import Any

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from agents.errors import TokenError
from agents.models import ApiToken, Person
from agents.services import api_tokens
from audits.api.problems import Problem, Refused

REALM = 'Bearer realm="countersign"'


class BearerToken(BaseAuthentication):
    """The person of a live token; how an address is told, the edge that knows proxies says."""

    def address_of(self, request: Request) -> str | None:
        address: str | None = request.META.get("REMOTE_ADDR")
        return address

    def authenticate(self, request: Request) -> tuple[Person, ApiToken]:
        scheme, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refused(
                Problem.UNAUTHENTICATED,
                "Send `Authorization: Bearer cst_…`, a token from your page of API tokens.",
                headers={"WWW-Authenticate": REALM},
            )
        try:
            token = api_tokens.authenticate(secret=secret.strip(" "))
        except TokenError as error:
            raise self._refused(request, error) from error
        return token.person, token

    def authenticate_header(self, request: Any) -> str:  # noqa: ARG002 - the framework's signature
        return REALM

    def _refused(self, request: Request, error: TokenError) -> Refused:
        """Refused in any case; whether it is written down depends on how many came before."""
        if not api_tokens.record_refusal(error=error, address=self.address_of(request)):
            seconds = str(int(settings.AXES_COOLOFF_TIME.total_seconds()))
            return Refused(Problem.TOO_MANY_REQUESTS, headers={"Retry-After": seconds})
        challenge = f'{REALM}, error="invalid_token", error_description="{error.message}"'
        return Refused(Problem.INVALID_TOKEN, error.message, headers={"WWW-Authenticate": challenge})
