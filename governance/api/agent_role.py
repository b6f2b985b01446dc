"""Roles of agents (S2-5), which agent holds which (S2-6), and the exceptions for wildcards (S1-8).

An exception is granted by a person at the portal: a token only reads it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.agent import AgentName, ReasonGiven, texts
from agents.api.person import PersonName
from agents.models import Agent
from audits.api.base import (
    Collection,
    Filter,
    Given,
    GrowingCollection,
    Input,
    Item,
    Resource,
    Shown,
    Verb,
)
from audits.api.problems import Problem, Refused
from audits.errors import Invalid
from governance import role_files
from governance.choices import AssignmentKind, Withholding
from governance.models import AgentRole, RoleAssignment, ScopeException
from governance.role_rules import MAX_CONDITIONS, MAX_PERMISSIONS, Permission
from governance.services import agent_roles, role_assignments
from governance.services.assignment_plans import Plan, Withheld
from governance.services.role_assignments import Terms
from governance.services.role_grants import Effect


class PermissionShown(serializers.Serializer[Any]):
    resource = serializers.CharField(help_text="Its name in the catalogue.")
    actions = texts()
    conditions = texts("From the vocabulary of docs/roles.md.", required=False)


class PermissionGiven(Input):
    resource = serializers.CharField(max_length=64, help_text="Its name in the catalogue.")
    actions = texts("A verb such as read, or the name of a function.", max_length=100)
    conditions = texts("From the vocabulary of docs/roles.md.", max_length=500, required=False)

    def to_internal_value(self, data: Any) -> Permission:
        """The permission, in the words of the file format.

        Raises:
            ValidationError: `role_files.permission` says what is wrong with which member.
        """
        made, wrong = role_files.permission(dict(super().to_internal_value(data)))
        if made is None:
            raise serializers.ValidationError({name: [problem] for name, problem in wrong.items()})
        return made


def _permissions() -> Any:
    return serializers.ListField(child=PermissionGiven(), min_length=1, max_length=MAX_PERMISSIONS)


class AgentRoleShown(Shown):
    version = serializers.IntegerField(source="current.number", read_only=True)
    sha256 = serializers.CharField(source="current.sha256", read_only=True)
    permissions: Any = PermissionShown(source="current.permissions", many=True, read_only=True)

    class Meta:
        model = AgentRole
        fields = ("id", "name", "version", "sha256", "permissions", "added_by", "added_at", "ended_at")


EXAMPLE = [{"resource": "sales_database", "actions": ["read", "query"], "conditions": ["no_pii_access"]}]


class AgentRoleGiven(Input):
    example = {"name": "data_analyst", "permissions": EXAMPLE, "reason": "What analysts do."}

    name = serializers.CharField(max_length=63)
    permissions = _permissions()
    reason = serializers.CharField(max_length=10_000)


class PermissionsGiven(Input):
    example = {"permissions": EXAMPLE}

    permissions = _permissions()


class RoleChangeGiven(PermissionsGiven):
    example = {"permissions": EXAMPLE, "reason": "They query only.", "expected": "a" * 64}

    reason = serializers.CharField(max_length=10_000)
    expected = serializers.RegexField(
        r"^[0-9a-f]{64}$", default="", help_text="`digest` of a plan: do exactly what it said, or nothing."
    )


class RoleReadShown(serializers.Serializer[Any]):
    action = serializers.CharField()
    resource = serializers.CharField()
    conditions = texts()


class RoleEffectShown(serializers.Serializer[Effect]):
    agent = AgentName(read_only=True)
    ends: Any = RoleReadShown(source="ended", many=True)
    begins: Any = RoleReadShown(many=True)


class RolePlanShown(serializers.Serializer[Any]):
    digest = serializers.CharField(help_text="Over the new permissions and every effect; see `expected`.")
    effects: Any = RoleEffectShown(many=True)


@contextmanager
def _pointing() -> Iterator[None]:
    """What a service says of a permission by its position is said at its place in the body."""
    try:
        yield
    except Invalid as error:
        places = [(*name.partition("."), text) for name, text in error.fields.items() if "." in name]
        if not places:
            raise
        wrong: dict[str, dict[str, list[str]]] = {}
        for index, _, key, text in places:
            wrong.setdefault(index, {})[key] = [text]
        raise serializers.ValidationError({"permissions": wrong}) from error


def _roles() -> QuerySet[AgentRole]:
    return AgentRole.objects.select_related("current")


class AgentRoles(GrowingCollection[AgentRole]):
    """Roles of agents, those that have ended too."""

    title, add_title = "List roles of agents", "Make a role"
    permission, adding, item = "governance.view_agentrole", "governance.add_agentrole", "agent_role"
    shown, given = AgentRoleShown, AgentRoleGiven

    def rows(self) -> QuerySet[AgentRole]:
        return _roles()

    def add(self, given: Given) -> AgentRole:
        with _pointing():
            return agent_roles.add(actor=self.person, **given)

    def names(self, row: AgentRole) -> Mapping[str, Any]:
        return {"slug": row.name}


class OneAgentRole(Item[AgentRole]):
    """A role: what its current version permits."""

    title = "Read a role"
    permission, shown = "governance.view_agentrole", AgentRoleShown

    def rows(self) -> QuerySet[AgentRole]:
        return _roles()

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"name": path["slug"]}


class _VerbOnRole(Verb[AgentRole]):
    permission = "governance.view_agentrole"
    shown: Any = AgentRoleShown

    def rows(self) -> QuerySet[AgentRole]:
        return _roles()

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"name": path["slug"]}


class PlanOfRole(_VerbOnRole):
    """Whom a change would affect, and which reads would end and begin. Nothing is changed."""

    title = "Look at what a change of a role does"
    shown, given = RolePlanShown, PermissionsGiven

    def perform(self, row: AgentRole, given: Given) -> Any:
        with _pointing():
            return agent_roles.plan(actor=self.person, role=row, permissions=given["permissions"])


class ChangeOfRole(_VerbOnRole):
    """Another version, in force for everybody who holds the role, in one transaction."""

    title = "Change a role"
    given = RoleChangeGiven

    def perform(self, row: AgentRole, given: Given) -> AgentRole:
        with _pointing():
            return agent_roles.change(actor=self.person, role=row, **given)


class EndOfRole(_VerbOnRole):
    """It is assigned to nobody any more, once no agent holds it."""

    title = "End a role"
    given = ReasonGiven

    def perform(self, row: AgentRole, given: Given) -> AgentRole:
        return agent_roles.end(actor=self.person, role=row, reason=given["reason"])


# --- Assignments ------------------------------------------------------------------------------------------
class RoleAssignmentShown(Shown):
    agent = AgentName(read_only=True)
    role: Any = serializers.SlugRelatedField(slug_field="name", read_only=True)
    addition: Any = serializers.SlugRelatedField(slug_field="name", read_only=True, allow_null=True)
    conditions = texts(read_only=True)
    assigned_by = PersonName(read_only=True)

    class Meta:
        model = RoleAssignment
        fields = (
            "id",
            "agent",
            "role",
            "kind",
            "addition",
            "conditions",
            "reason",
            "assigned_by",
            "starts_at",
            "ends_at",
            "ended_at",
            "ended_by",
            "end_reason",
        )


def _role(**options: Any) -> Any:
    return serializers.SlugRelatedField(slug_field="name", queryset=_roles(), **options)


class RoleTermsGiven(Input):
    example = {
        "agent": "vulnerability-analyst",
        "role": "data_analyst",
        "kind": "dynamic",
        "conditions": ["intent_is(Incident)"],
    }

    agent = serializers.SlugRelatedField(slug_field="slug", queryset=Agent.objects.all())
    role = _role()
    kind = serializers.ChoiceField(AssignmentKind.choices, default=AssignmentKind.STATIC)
    addition = _role(required=False, allow_null=True, help_text="For a hybrid: its other role.")
    conditions = texts("For a dynamic or hybrid one.", max_length=500, required=False)
    starts_at = serializers.DateTimeField(required=False, help_text="From now on where none is given.")
    ends_at = serializers.DateTimeField(required=False)

    def validate_conditions(self, given: list[str]) -> list[str]:
        if len(given) > MAX_CONDITIONS:
            raise serializers.ValidationError(f"At most {MAX_CONDITIONS}.")
        return given


class RoleAssignmentGiven(RoleTermsGiven):
    example = {**RoleTermsGiven.example, "reason": "It helps with incidents."}

    reason = serializers.CharField(max_length=10_000, help_text="What the agent needs it for.")
    expected = serializers.RegexField(
        r"^[0-9a-f]{64}$", default="", help_text="`digest` of a plan: do exactly what it said, or nothing."
    )


def _terms(given: Given) -> Terms:
    return Terms(**given | {"kind": AssignmentKind(given["kind"])})


class WithheldShown(serializers.Serializer[Withheld]):
    action = serializers.CharField(help_text="Empty: all that the role names there.")
    resource = serializers.CharField()
    reason = serializers.ChoiceField(Withholding.choices)
    message = serializers.CharField()


class RoleAssignmentPlanShown(serializers.Serializer[Plan]):
    digest = serializers.CharField(help_text="Over what is assigned and everything below; see `expected`.")
    agent = AgentName(read_only=True)
    stays: Any = RoleReadShown(many=True, help_text="Reads that the agent has, and keeps.")
    ends: Any = RoleReadShown(source="effect.ended", many=True)
    begins: Any = RoleReadShown(source="effect.begins", many=True)
    asks: Any = RoleReadShown(many=True, help_text="Writes that it may ask elevation for by this role.")
    lost: Any = RoleReadShown(many=True, help_text="Writes that it may not ask elevation for any more.")
    withheld: Any = WithheldShown(many=True, help_text="What the role names and cannot give.")


def _assignments() -> QuerySet[RoleAssignment]:
    return RoleAssignment.objects.select_related("agent", "role", "addition", "assigned_by")


class RoleAssignments(GrowingCollection[RoleAssignment]):
    """Which agent holds which role, and held it. Nobody gives a role to an agent of their own."""

    title, add_title = "List role assignments", "Assign a role"
    permission, adding = "governance.view_roleassignment", "governance.add_roleassignment"
    item = "role_assignment"
    shown, given = RoleAssignmentShown, RoleAssignmentGiven
    filters = {
        "agent": Filter(serializers.SlugField(), "agent__slug"),
        "role": Filter(serializers.CharField(), "role__name"),
        "kind": Filter(serializers.ChoiceField(AssignmentKind.choices), "kind"),
    }

    def rows(self) -> QuerySet[RoleAssignment]:
        return _assignments()

    def add(self, given: Given) -> RoleAssignment:
        told = {name: given.pop(name) for name in ("agent", "reason", "expected")}
        return role_assignments.assign(actor=self.person, terms=_terms(given), **told)


class PlanOfAssignment(Resource):
    """What an assignment would give an agent and what it cannot, against what it has. Nothing is changed."""

    title, permission = "Look at what an assignment gives", "governance.add_roleassignment"
    shown, given, done = RoleAssignmentPlanShown, RoleTermsGiven, 200

    def post(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        if not self.may_see():
            raise Refused(Problem.DENIED, "This person may not add one in the portal either.")
        given = self.take()
        agent = given.pop("agent")
        return self.present(role_assignments.plan(actor=self.person, agent=agent, terms=_terms(given)))


class OneRoleAssignment(Item[RoleAssignment]):
    """An assignment: how it is held, by whom it was given and why, and how it ended."""

    title = "Read a role assignment"
    permission, shown = "governance.view_roleassignment", RoleAssignmentShown

    def rows(self) -> QuerySet[RoleAssignment]:
        return _assignments()


class EndOfAssignment(Verb[RoleAssignment]):
    """Takes the role away: what the agent could read by it ends at once."""

    title = "End a role assignment"
    permission, shown, given = "governance.view_roleassignment", RoleAssignmentShown, ReasonGiven

    def rows(self) -> QuerySet[RoleAssignment]:
        return _assignments()

    def perform(self, row: RoleAssignment, given: Given) -> RoleAssignment:
        return role_assignments.end(actor=self.person, assignment=row, reason=given["reason"])


# --- Exceptions -------------------------------------------------------------------------------------------
class ScopeExceptionShown(Shown):
    granted_by = PersonName(read_only=True)

    class Meta:
        model = ScopeException
        fields = (
            "id", "reference", "reason", "granted_by", "granted_at", "until", "ended_at", "ended_by",
        )  # fmt: skip


class ScopeExceptions(Collection[ScopeException]):
    """Leave to use wildcards: who gave it, why, and until when."""

    title = "List wildcard exceptions"
    permission, shown = "governance.view_scopeexception", ScopeExceptionShown

    def rows(self) -> QuerySet[ScopeException]:
        return ScopeException.objects.select_related("granted_by")
