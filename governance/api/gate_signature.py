"""What people signed for the gates of a version (S1-27). Signing needs a person; taking back does not."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import OfAnAgent, ReasonGiven
from agents.api.person import PersonName
from audits.api.base import Collection, Filter, Given, Item, Shown, Verb
from governance.choices import Gate
from governance.models import GateSignature
from governance.services import gates


class GateSignatureShown(Shown):
    version: Any = serializers.SlugRelatedField(slug_field="label", read_only=True)
    person = PersonName(read_only=True)

    class Meta:
        model = GateSignature
        fields = (
            "id",
            "version",
            "gate",
            "statement",
            "document",
            "person",
            "signed_as",
            "digest",
            "signed_at",
            "ended_at",
            "ended_by",
            "end_reason",
        )


class OfSignatures(OfAnAgent):
    permission, shown = "governance.view_gatesignature", GateSignatureShown

    def rows(self) -> QuerySet[GateSignature]:
        return GateSignature.objects.filter(agent=self.agent).select_related("agent", "version", "person")


class GateSignatures(OfSignatures, Collection[GateSignature]):
    """Signatures under the gates of an agent's versions, those that have ended too."""

    title = "List the gate signatures of an agent"
    filters = {
        "gate": Filter(serializers.ChoiceField(Gate.choices), "gate"),
        "version": Filter(serializers.CharField(max_length=50, help_text="Label."), "version__label"),
    }


class OneGateSignature(OfSignatures, Item[GateSignature]):
    """A signature under a gate."""

    title = "Read a gate signature"


class RevocationOfSignature(OfSignatures, Verb[GateSignature]):
    """Takes a signature back: the gate is not met any more, and a request that rests on it is voided."""

    title, given = "Take a gate signature back", ReasonGiven

    def perform(self, row: GateSignature, given: Given) -> GateSignature:
        gates.revoke_signature(actor=self.person, signature=row, reason=given["reason"])
        return self.rows().get(pk=row.pk)
