"""The agent policy that counts (S1-1). Applying one needs a person at the portal."""

from typing import Any

from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents import policy, selectors
from audits import canonical
from audits.api.base import Resource


class AgentPolicyShown(serializers.Serializer[Any]):
    number = serializers.IntegerField(allow_null=True, help_text="Null: the one that the product came with.")
    document = serializers.DictField()
    sha256 = serializers.CharField(help_text="Of the document, as canonical JSON.")
    reason = serializers.CharField()
    applied_at = serializers.DateTimeField(allow_null=True)
    applied_by = serializers.CharField()


class AgentPolicyNow(Resource):
    """Business units, problem classes, supervision, and where agents may act alone."""

    title = "Read the agent policy"
    permission, shown = "agents.view_agentpolicy", AgentPolicyShown

    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        if not self.may_see():
            raise Http404
        return self.present(selectors.active_policy() or _shipped())


def _shipped() -> dict[str, Any]:
    document = policy.shipped().record
    return {
        "number": None,
        "document": document,
        "sha256": canonical.digest(document),
        "reason": "",
        "applied_at": None,
        "applied_by": "",
    }
