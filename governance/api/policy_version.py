"""Policy versions: written and tried out by administrators. Proposing and approving are a person's."""

from typing import Any, NoReturn

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from agents.api.agent import ReasonGiven
from agents.api.person import PersonName
from audits.api.base import (
    ChangingItem,
    Collection,
    Filter,
    Given,
    GrowingCollection,
    Input,
    Item,
    Nothing,
    Resource,
    Shown,
    Verb,
)
from audits.api.problems import Problem, Refused
from governance.choices import PolicyState
from governance.models import PolicyDifference, PolicyReplay, PolicyVersion
from governance.services import policies, policy_trials
from governance.services.policies import LONGEST_TITLE, MAX_CHARACTERS

VIEW = "governance.view_policyversion"
TEXT = ("policies", "schema", "entities", "title")


class PolicyVersionShown(Shown):
    label: Any = serializers.CharField(read_only=True, help_text="The version that decisions name.")
    author = PersonName(read_only=True, allow_null=True)
    proposed_by = PersonName(read_only=True, allow_null=True)

    class Meta:
        model = PolicyVersion
        fields: tuple[str, ...] = (
            "id",
            "label",
            "state",
            "title",
            "sha256",
            "is_first",
            "author",
            "drafted_at",
            "validated_at",
            "shadow_started_at",
            "shadow_ended_at",
            "proposed_by",
            "proposed_at",
            "applied_at",
            "replaced_at",
            "withdrawn_at",
            "reason",
        )


class WholePolicyVersion(PolicyVersionShown):
    policies: Any = serializers.DictField(
        child=serializers.CharField(), read_only=True, help_text="File name to Cedar text."
    )

    class Meta(PolicyVersionShown.Meta):
        fields = (*PolicyVersionShown.Meta.fields, "policies", "schema", "entities")


class PolicyVersionGiven(Input):
    policies: Any = serializers.DictField(
        child=serializers.CharField(max_length=MAX_CHARACTERS, trim_whitespace=False),
        help_text="File name to Cedar text.",
    )
    schema = serializers.CharField(max_length=MAX_CHARACTERS, trim_whitespace=False)
    entities = serializers.CharField(
        max_length=MAX_CHARACTERS, trim_whitespace=False, required=False, help_text="JSON, as text."
    )
    title = serializers.CharField(max_length=LONGEST_TITLE, required=False, allow_blank=True)
    example = {
        "policies": {"a.cedar": "permit (principal, action, resource);"},
        "schema": 'entity user, record; action "read" appliesTo { principal: user, resource: record };',
        "title": "Everybody reads",
    }


class PolicyVersions(GrowingCollection[PolicyVersion]):
    """Versions of the Cedar policies, each from draft to superseded. A draft need not be valid."""

    title, add_title = "List policy versions", "Draft a policy version"
    permission, adding, item = VIEW, "governance.add_policyversion", "policy_version"
    shown, given = PolicyVersionShown, PolicyVersionGiven
    filters = {
        "state": Filter(serializers.ChoiceField(PolicyState.choices), "state"),
        "sha256": Filter(serializers.CharField(max_length=64), "sha256"),
    }

    def rows(self) -> QuerySet[PolicyVersion]:
        return _versions().defer("policies", "schema", "entities")

    def add(self, given: Given) -> PolicyVersion:
        return policies.draft(actor=self.actor, **given)


class OnePolicyVersion(ChangingItem[PolicyVersion]):
    """A policy version with its whole text. Its author changes it as long as it is a draft."""

    title, change_title = "Read a policy version", "Change a draft"
    permission, shown, given = VIEW, WholePolicyVersion, PolicyVersionGiven

    def rows(self) -> QuerySet[PolicyVersion]:
        return _versions()

    def change(self, row: PolicyVersion, given: Given) -> PolicyVersion:
        text = {name: getattr(row, name) for name in TEXT} | given
        policies.edit(actor=self.actor, version=row, **text)
        return _versions().get(pk=row.pk)


class OfVersion(Verb[PolicyVersion]):
    """A step in the life of a version."""

    permission, shown = VIEW, PolicyVersionShown

    def rows(self) -> QuerySet[PolicyVersion]:
        return _versions()


class Validation(OfVersion):
    """Checks a draft against its schema; from then on it never changes. What is wrong is said with file, line
    and column."""

    title = "Validate a draft"

    def perform(self, row: PolicyVersion, given: Given) -> PolicyVersion:  # noqa: ARG002 - the base's signature
        policies.validate(actor=self.actor, version=row)
        return _versions().get(pk=row.pk)


class Shadow(OfVersion):
    """Asks a validated version beside the active one on live decisions. It changes no answer."""

    title = "Start the shadow of a policy version"

    def perform(self, row: PolicyVersion, given: Given) -> PolicyVersion:  # noqa: ARG002 - the base's signature
        policy_trials.start_shadow(actor=self.actor, version=row)
        return _versions().get(pk=row.pk)


class ShadowEnd(OfVersion):
    """Stops asking it; what was noticed stays."""

    title = "Stop the shadow of a policy version"

    def perform(self, row: PolicyVersion, given: Given) -> PolicyVersion:  # noqa: ARG002 - the base's signature
        policy_trials.stop_shadow(actor=self.actor, version=row)
        return _versions().get(pk=row.pk)


class WithdrawalOfVersion(OfVersion):
    """Gives a version up that never decided."""

    title, given = "Withdraw a policy version", ReasonGiven

    def perform(self, row: PolicyVersion, given: Given) -> PolicyVersion:
        policies.withdraw(actor=self.actor, version=row, reason=given["reason"])
        return _versions().get(pk=row.pk)


class ChangeShown(serializers.Serializer[Any]):
    subject = serializers.CharField(help_text="An agent, or the type of another subject.")
    action = serializers.CharField()
    change = serializers.ChoiceField(["allow_to_deny", "deny_to_allow", "obligations"])
    count = serializers.IntegerField(min_value=1)
    examples = serializers.ListField(
        child=serializers.DictField(child=serializers.CharField()),
        help_text="Decisions, and what would be said to them.",
    )


class PolicyReplayShown(Shown):
    result: Any = ChangeShown(many=True, read_only=True)

    class Meta:
        model = PolicyReplay
        fields = (
            "id",
            "version",
            "against",
            "first_at",
            "last_at",
            "replayed",
            "left_out",
            "changed",
            "result",
            "sha256",
            "replayed_at",
        )


class ReplayGiven(Input):
    last = serializers.IntegerField(
        min_value=1,
        max_value=policy_trials.MAX_AT_ONCE,
        default=1_000,
        help_text="As many decisions, the newest first. More by command: docs/policies.md.",
    )
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    example = {"last": 1000}


class Replay(Verb[PolicyVersion]):
    """Asks recorded decisions again under a validated version, and keeps what would change. It changes
    nothing else."""

    title = "Replay decisions under a policy version"
    permission, shown, given, done = VIEW, PolicyReplayShown, ReplayGiven, 201

    def rows(self) -> QuerySet[PolicyVersion]:
        return _versions()

    def perform(self, row: PolicyVersion, given: Given) -> PolicyReplay:
        return policy_trials.replay(actor=self.actor, version=row, **given)


class PolicyReplays(Collection[PolicyReplay]):
    """Replays of recorded decisions, each with what would change."""

    title = "List policy replays"
    permission, shown = "governance.view_policyreplay", PolicyReplayShown
    filters = {"version": Filter(serializers.UUIDField(), "version")}

    def rows(self) -> QuerySet[PolicyReplay]:
        return PolicyReplay.objects.all()


class OnePolicyReplay(Item[PolicyReplay]):
    """What would change under a policy version."""

    title = "Read a policy replay"
    permission, shown = "governance.view_policyreplay", PolicyReplayShown

    def rows(self) -> QuerySet[PolicyReplay]:
        return PolicyReplay.objects.all()


class PolicyDifferenceShown(Shown):
    class Meta:
        model = PolicyDifference
        fields = ("id", "version", "decision", "allowed", "reason", "message", "noticed_at")


class PolicyDifferences(Collection[PolicyDifference]):
    """Live decisions that a version in shadow would have answered differently."""

    title = "List what shadows noticed"
    permission, shown = "governance.view_policydifference", PolicyDifferenceShown
    filters = {"version": Filter(serializers.UUIDField(), "version")}

    def rows(self) -> QuerySet[PolicyDifference]:
        return PolicyDifference.objects.all()


class PolicyVotes(Resource):
    """There is no approving by API: this address says so to whoever looks for it."""

    title = "Approving policies needs a person"
    shown, given = Nothing, Nothing
    also = (Problem.VOTING_NEEDS_A_PERSON,)

    def post(self, request: Request, **_path: Any) -> NoReturn:  # noqa: ARG002 - the framework's signature
        raise Refused(
            Problem.VOTING_NEEDS_A_PERSON, "Sign in to the portal and vote on the policy version's page."
        )


def _versions() -> QuerySet[PolicyVersion]:
    return PolicyVersion.objects.select_related("author", "proposed_by")
