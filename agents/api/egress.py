"""What agents may reach, what they tried to, and exceptions for addresses that are not public (S2-9)."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from agents import egress
from agents.api.agent import AgentName, texts
from agents.choices import EgressMode, EgressReason
from agents.models import Agent, EgressAttempt, EgressException, EgressPolicy
from agents.services import egress_lists
from audits.api.base import (
    ChangingItem,
    Collection,
    Filter,
    Given,
    GrowingCollection,
    Input,
    Item,
    Nothing,
    Shown,
    Verb,
)

LINES = "Lines: [scheme://]host[:port][/path]; a host is exact, or *.suffix for all below it."


class EgressShown(serializers.Serializer[Any]):
    mode = serializers.ChoiceField(EgressMode.choices)
    allow = texts(LINES)
    deny = texts(f"{LINES} Looked at first.")
    endpoints = texts("What the approved version names; allowed in every mode.")
    changed_at = serializers.DateTimeField(allow_null=True, help_text="Null: nobody has said anything yet.")
    changed_by = serializers.CharField()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        policy = EgressPolicy.objects.filter(agent=instance).first() or EgressPolicy(agent=instance)
        endpoints = [entry.text for entry in egress.lists_of(instance).endpoints]
        shown: dict[str, Any] = super().to_representation(
            {
                "mode": policy.mode,
                "allow": policy.allow,
                "deny": policy.deny,
                "endpoints": sorted(endpoints),
                "changed_at": policy.changed_at,
                "changed_by": policy.changed_by,
            }
        )
        return shown


class EgressGiven(Input):
    example = {
        "mode": "allow",
        "allow": ["https://*.example.org"],
        "reason": "It reads the advisories there.",
    }

    mode = serializers.ChoiceField(EgressMode.choices, required=False)
    allow = texts(LINES, max_length=500, required=False)
    deny = texts(LINES, max_length=500, required=False)
    reason = serializers.CharField(max_length=10_000)


class Egress(ChangingItem[Agent]):
    """What an agent may reach. A change counts from the next request on."""

    title, change_title = "Read what an agent may reach", "Change what an agent may reach"
    permission, shown, given = "agents.view_egresspolicy", EgressShown, EgressGiven

    def rows(self) -> QuerySet[Agent]:
        return Agent.objects.select_related("active_version", "candidate")

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"slug": path["slug"]}

    def change(self, row: Agent, given: Given) -> Agent:
        policy = EgressPolicy.objects.filter(agent=row).first() or EgressPolicy(agent=row)
        egress_lists.change(
            actor=self.person,
            agent=row,
            mode=EgressMode(given.get("mode", policy.mode)),
            allow=given.get("allow", policy.allow),
            deny=given.get("deny", policy.deny),
            reason=given.get("reason", ""),
        )
        return row


class AttemptShown(Shown):
    agent = AgentName(read_only=True, allow_null=True)

    class Meta:
        model = EgressAttempt
        fields = (
            "id",
            "agent",
            "subject",
            "run",
            "call_id",
            "asked_by",
            "scheme",
            "host",
            "port",
            "endpoint",
            "allowed",
            "reason",
            "entry",
            "address",
            "status",
            "bytes_out",
            "bytes_in",
            "error",
            "at",
            "ended_at",
        )


class EgressAttempts(Collection[EgressAttempt]):
    """Every request that was to leave for an agent, refused ones too."""

    title = "List egress attempts"
    permission, shown = "agents.view_egressattempt", AttemptShown
    filters = {
        "agent": Filter(serializers.SlugField(), "agent__slug"),
        "allowed": Filter(serializers.BooleanField(), "allowed"),
        "reason": Filter(serializers.ChoiceField(EgressReason.choices), "reason"),
        "host": Filter(serializers.CharField(max_length=253), "host"),
        "run": Filter(serializers.UUIDField(), "run"),
        "call_id": Filter(serializers.UUIDField(), "call_id"),
    }

    def rows(self) -> QuerySet[EgressAttempt]:
        return EgressAttempt.objects.select_related("agent")


class OneEgressAttempt(Item[EgressAttempt]):
    """One request that was to leave, and what became of it."""

    title = "Read an egress attempt"
    permission, shown = "agents.view_egressattempt", AttemptShown

    def rows(self) -> QuerySet[EgressAttempt]:
        return EgressAttempt.objects.select_related("agent")


class ExceptionShown(Shown):
    agent = AgentName(read_only=True, allow_null=True)

    class Meta:
        model = EgressException
        fields = (
            "id",
            "agent",
            "host",
            "port",
            "reason",
            "added_at",
            "added_by",
            "ends_at",
            "ended_by",
        )


class ExceptionGiven(Input):
    example = {
        "agent": "vulnerability-analyst",
        "host": "nvd.internal",
        "port": 443,
        "days": 30,
        "reason": "A mirror.",
    }

    agent = serializers.SlugRelatedField(
        slug_field="slug",
        queryset=Agent.objects.all(),
        required=False,
        allow_null=True,
        default=None,
        help_text="Slug; without one it counts for every agent.",
    )
    host = serializers.CharField(max_length=253)
    port = serializers.IntegerField(min_value=1, max_value=65_535)
    days = serializers.IntegerField(min_value=1, max_value=366)
    reason = serializers.CharField(max_length=10_000)


class EgressExceptions(GrowingCollection[EgressException]):
    """Hosts that may be at an address that is not public, those that are over too."""

    title, add_title = "List egress exceptions", "Let an address that is not public be reached"
    permission, adding = "agents.view_egressexception", "agents.add_egressexception"
    item, shown, given = "egress_exception", ExceptionShown, ExceptionGiven
    filters = {
        "agent": Filter(serializers.SlugField(), "agent__slug"),
        "host": Filter(serializers.CharField(max_length=253), "host"),
    }

    def rows(self) -> QuerySet[EgressException]:
        return EgressException.objects.select_related("agent")

    def add(self, given: Given) -> EgressException:
        return egress_lists.add_exception(actor=self.person, **given)


class OneEgressException(Item[EgressException]):
    """An exception: for which host, why, and until when."""

    title = "Read an egress exception"
    permission, shown = "agents.view_egressexception", ExceptionShown

    def rows(self) -> QuerySet[EgressException]:
        return EgressException.objects.select_related("agent")


class EndOfEgressException(Verb[EgressException]):
    """From the next request on the host's address has to be public."""

    title = "End an egress exception"
    permission, shown, given = "agents.view_egressexception", ExceptionShown, Nothing

    def rows(self) -> QuerySet[EgressException]:
        return EgressException.objects.select_related("agent")

    def perform(self, row: EgressException, given: Given) -> EgressException:  # noqa: ARG002 - nothing is given
        return egress_lists.end_exception(actor=self.person, exception=row)
