"""The register (S1-3)."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from agents import entry, policy, selectors
from agents.api.person import PersonName
from agents.choices import AgentState, Autonomy, Environment
from agents.models import Agent, Person
from agents.services import lifecycle, register
from audits.api.base import (
    ChangingItem,
    Filter,
    Given,
    GrowingCollection,
    Input,
    Resource,
    Shown,
    Verb,
)
from audits.api.problems import Problem, Refused
from audits.errors import Conflict

LONGEST_REASON = 4000
NOT_HELD_TO_THE_POLICY = (AgentState.RETIRED, AgentState.DISCOVERED)


def texts(words: str = "", **options: Any) -> "serializers.Field[Any, Any, Any, Any]":
    """A list of texts."""
    return serializers.ListField(child=serializers.CharField(max_length=200), help_text=words, **options)


class AgentName(Shown):
    """An agent where something else is told."""

    class Meta:
        model = Agent
        fields = ("id", "slug", "name")


class ViolationShown(serializers.Serializer[Any]):
    """Something of an entry that the agent policy does not allow."""

    field = serializers.CharField()
    sentence = serializers.CharField()


class AgentShown(Shown):
    owner = PersonName(read_only=True)
    deputies = PersonName(many=True, read_only=True)
    sponsor = PersonName(read_only=True, allow_null=True)
    active_version: Any = serializers.SlugRelatedField(slug_field="label", read_only=True, allow_null=True)
    candidate: Any = serializers.SlugRelatedField(slug_field="label", read_only=True, allow_null=True)
    data_categories = texts(read_only=True)
    jurisdictions = texts(read_only=True)
    frameworks = texts(read_only=True)
    edited = texts(read_only=True)
    epoch = serializers.SerializerMethodField(
        help_text="The number of its newest revocation: tokens that carry a lower one are refused.",
    )
    outside_agent_policy = serializers.SerializerMethodField(
        help_text="What the agent policy that counts now does not allow of it."
    )

    class Meta:
        model = Agent
        fields = (
            "id",
            "slug",
            "name",
            "purpose",
            "business_unit",
            "problem_class",
            "environment",
            "autonomy",
            "owner",
            "deputies",
            "sponsor",
            "data_categories",
            "jurisdictions",
            "frameworks",
            "runbook",
            "monitoring_plan",
            "state",
            "freeze_reason",
            "active_version",
            "approved_digest",
            "edited",
            "candidate",
            "candidate_percent",
            "epoch",
            "review_date",
            "attested_at",
            "ownerless_at",
            "reads_until",
            "outside_agent_policy",
            "found_by",
            "evidence",
            "registered_at",
        )

    def get_epoch(self, agent: Agent) -> int:
        return selectors.epoch_of(agent)

    @extend_schema_field(ViolationShown(many=True))
    def get_outside_agent_policy(self, agent: Agent) -> Any:
        if agent.state in NOT_HELD_TO_THE_POLICY:
            return []
        shared: Any = self.context
        if "agent_policy" not in shared:  # asked once for a whole list
            shared["agent_policy"] = policy.active()
        return ViolationShown(policy.violations(agent, shared["agent_policy"]), many=True).data


def _username(words: str, **options: Any) -> Any:
    return serializers.SlugRelatedField(
        slug_field="username", queryset=Person.objects.all(), help_text=words, **options
    )


class EntryGiven(Input):
    """What of an entry can be changed later. Another owner comes by a handover; the slug never changes."""

    example = {"runbook": "Freeze it in the register.", "sponsor": None}

    name = serializers.CharField(max_length=200)
    purpose = serializers.CharField(max_length=entry.MAX_TEXT)
    business_unit = serializers.CharField(max_length=200)
    problem_class = serializers.CharField(max_length=64, required=False, help_text="As the policy names it.")
    environment = serializers.ChoiceField(Environment.choices, required=False)
    autonomy = serializers.ChoiceField(Autonomy.choices, required=False)
    deputies = _username("Usernames.", many=True, required=False)
    sponsor = _username("Username.", required=False, allow_null=True)
    data_categories = texts(max_length=entry.MAX_ITEMS, required=False)
    jurisdictions = texts("ISO 3166-1 alpha-2, or EU.", max_length=entry.MAX_ITEMS, required=False)
    frameworks = texts("Retention rules, for example GDPR.", max_length=entry.MAX_ITEMS, required=False)
    runbook = serializers.CharField(max_length=entry.MAX_TEXT, allow_blank=True, required=False)
    monitoring_plan = serializers.CharField(max_length=entry.MAX_TEXT, allow_blank=True, required=False)


class AgentGiven(EntryGiven):
    example = {
        "slug": "invoice-reader",
        "name": "Invoice reader",
        "purpose": "Reads invoices and says what does not add up.",
        "business_unit": "Finance",
        "owner": "olivia",
        "deputies": ["daniel"],
        "data_categories": ["invoices"],
        "jurisdictions": ["DE"],
    }

    slug = serializers.SlugField(max_length=50)
    owner = _username("Username.")


class ReasonGiven(Input):
    """Why: it is recorded."""

    reason = serializers.CharField(max_length=LONGEST_REASON)


def all_agents() -> QuerySet[Agent]:
    """With everything that an answer shows of them."""
    agents = Agent.objects.select_related("owner", "sponsor", "active_version", "candidate")
    return selectors.with_epochs(agents).prefetch_related("deputies")


class Agents(GrowingCollection[Agent]):
    """The agents of the register. A new one is a draft without any access."""

    title, add_title = "List agents", "Register an agent"
    permission, adding, item = "agents.view_agent", "agents.add_agent", "agent"
    shown, given = AgentShown, AgentGiven
    filters = {
        "state": Filter(serializers.ChoiceField(AgentState.choices), "state"),
        "owner": Filter(serializers.CharField(max_length=150, help_text="Username."), "owner__username"),
        "business_unit": Filter(serializers.CharField(max_length=200), "business_unit"),
        "environment": Filter(serializers.ChoiceField(Environment.choices), "environment"),
    }

    def rows(self) -> QuerySet[Agent]:
        return all_agents()

    def add(self, given: Given) -> Agent:
        return register.register_agent(actor=self.person, **given)

    def names(self, row: Agent) -> Mapping[str, Any]:
        return {"slug": row.slug}


class OneAgent(ChangingItem[Agent]):
    """An agent, its people, its state and what of it is approved. An approved agent whose entry changes
    only reads until the board approves it again, or what was approved is put back. PATCH needs the `ETag` of
    what was read, as `If-Match`."""

    title, change_title = "Read an agent", "Amend the entry of an agent"
    permission, shown, given = "agents.view_agent", AgentShown, EntryGiven
    conditional = True

    def rows(self) -> QuerySet[Agent]:
        return all_agents()

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"slug": path["slug"]}

    def present(self, row: Agent, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        tag = {"ETag": f'"{entry.digest_of(row)}"'}
        return super().present(row, status=status, headers=tag | dict(headers or {}))

    def change(self, row: Agent, given: Given) -> Agent:
        seen = self.matched(entry.digest_of(row))
        try:
            register.amend(actor=self.person, agent=row, changes=given, seen=seen)
        except Conflict as error:
            if seen != entry.digest_of(all_agents().get(pk=row.pk)):
                raise Refused(Problem.PRECONDITION_FAILED, error.message) from error
            raise
        return all_agents().get(pk=row.pk)


class Retirement(Verb[Agent]):
    """Ends an agent for good: its copies, grants, elevations, requests and offers. It never comes back."""

    title = "Retire an agent"
    permission, shown, given = "agents.view_agent", AgentShown, ReasonGiven

    def rows(self) -> QuerySet[Agent]:
        return all_agents()

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"slug": path["slug"]}

    def perform(self, row: Agent, given: Given) -> Agent:
        lifecycle.retire(actor=self.person, agent=row, reason=given["reason"])
        return all_agents().get(pk=row.pk)


class OfAnAgent(Resource):
    """A resource below an agent."""

    @property
    def agent(self) -> Agent:
        """
        Raises:
            Http404: there is no such agent, or not for this person to see.
        """
        found = all_agents().filter(slug=self.kwargs["slug"]).first()
        if found is None or not self.person.has_perm("agents.view_agent"):
            raise Http404
        return found
