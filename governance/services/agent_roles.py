"""Roles of agents (S2-5): what they permit, in versions; a change takes effect on everybody who holds them.

A change is bound to what was shown: `plan` says whom it affects and gives a digest, and `change` with that
digest does exactly this, or nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from agents.models import Person
from agents.services import fields
from audits import canonical
from audits.canonical import JSON
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from governance import catalogue, role_permissions, role_rules, role_selectors
from governance.models import AgentRole, AgentRoleVersion
from governance.role_rules import Permission
from governance.services import locks, role_grants
from governance.services.role_grants import Effect


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change of a role does to those who hold it."""

    role: AgentRole
    permissions: tuple[Permission, ...]
    effects: tuple[Effect, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the new permissions and of everything that ends and begins."""
        return canonical.digest(
            {
                "role": [str(self.role.pk), self.role.current.sha256 if self.role.current else ""],
                "permissions": digest_of(self.role.name, self.permissions),
                "effects": [each.told for each in self.effects],
            }
        )


def add(*, actor: Person, name: str, permissions: Sequence[Permission], reason: str) -> AgentRole:
    """Make a role. Nobody holds it until it is assigned.

    Raises:
        Invalid: the name is none, there is no reason, or a permission does not fit the catalogue.
        Denied: the actor keeps no roles; recorded.
        Conflict: the name is taken.
    """
    said = fields.sentence(reason, field="reason")
    with attempt(
        action=Action.AGENT_ROLE_ADDED, actor=actor.actor, stream=SYSTEM_STREAM, object="agent_roles"
    ):
        refuse(role_permissions.against_keeping_roles(actor, "add"))
        if not role_rules.is_role_name(name):
            problem = "must begin with a small letter, and have small letters, digits and _ alone"
            raise Invalid(f"name: {problem}.", fields={"name": problem})
        require_fitting(permissions)
        try:
            with transaction.atomic():
                role = AgentRole.objects.create(name=name, added_by=actor.actor.ref)
        except IntegrityError as error:
            raise Conflict(f"There is a role {name} already.", fields={"name": "taken"}) from error
        _set(actor, role, permissions, said)
        _record(Action.AGENT_ROLE_ADDED, actor, role, said)
    return role


def plan(*, actor: Person, role: AgentRole, permissions: Sequence[Permission]) -> Plan:
    """Whom a change would affect, and how. Nothing is changed.

    Raises:
        Denied: the actor keeps no roles.
        Invalid: a permission does not fit the catalogue.
    """
    refuse(role_permissions.against_keeping_roles(actor, "change"))
    require_fitting(permissions)
    agents = {row.agent_id: row.agent for row in role_selectors.assignments_of(role)}
    instead = {role.pk: permissions}
    effects = [role_grants.effect(agents[pk], instead=instead) for pk in sorted(agents)]
    return Plan(role, tuple(permissions), tuple(effects))


def change(
    *, actor: Person, role: AgentRole, permissions: Sequence[Permission], reason: str, expected: str = ""
) -> AgentRole:
    """Give the role another version, and everybody who holds it what it says, in one transaction.

    Args:
        expected: the digest of the plan that was shown; empty where none was.

    Raises:
        Invalid: there is no reason, or a permission does not fit the catalogue.
        Denied: the actor keeps no roles; recorded.
        Conflict: it has ended, says this already, or would now do something else than what was shown.
    """
    said = fields.sentence(reason, field="reason")
    with attempt(
        action=Action.AGENT_ROLE_CHANGED,
        actor=actor.actor,
        stream=SYSTEM_STREAM,
        object=f"agent_role/{role.pk}",
    ):
        refuse(role_permissions.against_keeping_roles(actor, "change"))
        held, agents = _hold(role)
        if expected and plan(actor=actor, role=held, permissions=permissions).digest != expected:
            raise Conflict("Something has changed since this was shown. Nothing was saved: look again.")
        require_fitting(permissions)
        if held.current and held.current.sha256 == digest_of(held.name, permissions):
            raise Conflict("Nothing was changed: the role says this already.")
        before = role_rules.records(role_selectors.permissions_of(held))
        _set(actor, held, permissions, said)
        _record(
            Action.AGENT_ROLE_CHANGED, actor, held, said, before=before, agents=[str(pk) for pk in agents]
        )
        for pk in agents:
            role_grants.renew(actor=actor.actor, agent=locks.agent(pk))
    return held


def end(*, actor: Person, role: AgentRole, reason: str) -> AgentRole:
    """Nobody is given it any more.

    Raises:
        Invalid: no reason.
        Denied: the actor keeps no roles; recorded.
        Conflict: it has ended already, or an agent holds it.
    """
    said = fields.sentence(reason, field="reason")
    with attempt(
        action=Action.AGENT_ROLE_ENDED,
        actor=actor.actor,
        stream=SYSTEM_STREAM,
        object=f"agent_role/{role.pk}",
    ):
        refuse(role_permissions.against_keeping_roles(actor, "change"))
        held, agents = _hold(role)
        if agents:
            raise Conflict(f"{len(agents)} agents hold {held}. End their assignments first.")
        held.ended_at = timezone.now()
        held.save(update_fields=["ended_at"])
        _record(Action.AGENT_ROLE_ENDED, actor, held, said)
    return held


def digest_of(name: str, permissions: Sequence[Permission]) -> str:
    """SHA-256 of a role's name and permissions, as canonical JSON."""
    return canonical.digest({"name": name, "permissions": role_rules.records(permissions)})


def require_fitting(permissions: Sequence[Permission]) -> None:
    """Every permission names a live resource, and what can be done on it.

    Raises:
        Invalid: `fields` says by position (`0.resource`) what does not fit.
    """
    wrong = misfits(permissions)
    if not permissions:
        wrong = {"permissions": "must not be empty"}
    if wrong:
        listed = " ".join(f"{field}: {problem}." for field, problem in wrong.items())
        raise Invalid(listed, fields=wrong)


def misfits(permissions: Sequence[Permission]) -> dict[str, str]:
    """By position and key, what does not fit the catalogue."""
    names = {permission.resource for permission in permissions}
    known = {row.name: row for row in catalogue.live_resources().filter(name__in=names)}
    wrong: dict[str, str] = {}
    for index, permission in enumerate(permissions):
        row = known.get(permission.resource)
        if row is None:
            wrong[f"{index}.resource"] = (
                f"{permission.resource[:64]} does not exist in the resource catalogue"
            )
            continue
        lacking = [
            each.value for each in role_rules.operations(permission.actions) if each not in row.operations
        ]
        if lacking:
            offered = ", ".join(row.operations)
            wrong[f"{index}.actions"] = f"{', '.join(lacking)} cannot be done on {row}; it offers {offered}"
    return wrong


def _hold(role: AgentRole) -> tuple[AgentRole, list[UUID]]:
    """The role, and those who hold it, held until the transaction ends: agents first, as everywhere."""
    agents = _holders(role)
    for pk in agents:
        locks.agent(pk)
    held = AgentRole.objects.select_for_update(of=("self",), no_key=True).get(pk=role.pk)
    if held.ended_at is not None:
        raise Conflict(f"{held} has ended. Make another role.")
    if set(_holders(role)) - set(agents):
        raise Conflict("Somebody gave an agent this role meanwhile. Look again.")
    return held, agents


def _holders(role: AgentRole) -> list[UUID]:
    return sorted(set(role_selectors.assignments_of(role).values_list("agent_id", flat=True)))


def _set(actor: Person, role: AgentRole, permissions: Sequence[Permission], reason: str) -> None:
    role.current = AgentRoleVersion.objects.create(
        role=role,
        number=role.versions.count() + 1,
        permissions=role_rules.records(permissions),
        sha256=digest_of(role.name, permissions),
        reason=reason,
        made_by=actor.actor.ref,
    )
    role.save(update_fields=["current"])


def _record(action: Action, actor: Person, role: AgentRole, reason: str, **more: JSON) -> None:
    current = role.current
    history.record(
        changed=[role],
        stream=SYSTEM_STREAM,
        action=action,
        actor=actor.actor,
        object=f"agent_role/{role.pk}",
        body={
            "name": role.name,
            "version": current.number if current else 0,
            "sha256": current.sha256 if current else "",
            "permissions": current.permissions if current else [],
            "reason": reason,
            **more,
        },
    )
