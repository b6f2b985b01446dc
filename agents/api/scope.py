"""What a token may do of what its person may do."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from agents.api.authentication import REALM
from agents.choices import TokenScope
from audits.api.problems import Problem, Refused


class ScopeOfToken(BasePermission):
    """A token that may only read changes nothing."""

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002 - the framework's signature
        token: Any = request.auth
        if request.method not in SAFE_METHODS and token.scope != TokenScope.WRITE:
            challenge = f'{REALM}, error="insufficient_scope", scope="write"'
            raise Refused(Problem.INSUFFICIENT_SCOPE, headers={"WWW-Authenticate": challenge})
        return True
