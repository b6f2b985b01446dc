"""Whose request it is, as this portal lets people in."""

from rest_framework.request import Request

from agents import selectors
from agents.api.authentication import BearerToken
from agents.models import ApiToken, Person
from audits.api.problems import Problem, Refused
from governance.permissions import needs_second_factor
from portal.sign_in.address import address_of


class PersonalToken(BearerToken):
    """Who sees no page for lack of a second factor sees nothing here either."""

    def address_of(self, request: Request) -> str | None:
        return address_of(request._request)  # noqa: SLF001 - the framework's name for Django's request

    def authenticate(self, request: Request) -> tuple[Person, ApiToken]:
        person, token = super().authenticate(request)
        if needs_second_factor(person) and not selectors.has_second_factor(person):
            raise Refused(Problem.SECOND_FACTOR_NEEDED, "Sign in to the portal and add a second factor.")
        return person, token
