"""The resource catalogue (S2-4): what roles may speak of, how sensitive it is, and who answers for it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from agents.models import Person
from agents.services import fields
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from governance import catalogue, resource_pattern, role_permissions, role_selectors
from governance.choices import Operation, ResourceKind, Sensitivity
from governance.manifest import PLACE
from governance.models import AgentRole, Resource

_name = re.compile(r"[a-z][a-z0-9_-]{0,63}").fullmatch
_type = re.compile(r"[a-z][a-z0-9_-]{0,48}").fullmatch


@dataclass(frozen=True, slots=True)
class Facts:
    """What the catalogue says of a resource besides its name and its reference, which never change."""

    title: str
    kind: ResourceKind
    operations: Sequence[Operation]
    sensitivity: Sensitivity
    owner: Person
    personal_data: bool = False
    data_categories: Sequence[str] = ()

    @classmethod
    def of(cls, resource: Resource) -> Self:
        return cls(**{name: getattr(resource, name) for name in cls.__dataclass_fields__})

    @property
    def values(self) -> dict[str, Any]:
        """By field, as they are kept.

        Raises:
            Invalid: there is no operation, or too many data categories.
        """
        given = {str(each) for each in self.operations}
        if not given or given - set(Operation.values):
            problem = f"at least one of {', '.join(Operation.values)}"
            raise Invalid(f"operations: {problem}.", fields={"operations": problem})
        return {
            "title": self.title.strip(),
            "kind": str(self.kind),
            "operations": [value for value in Operation.values if value in given],
            "sensitivity": str(self.sensitivity),
            "owner": self.owner,
            "personal_data": self.personal_data,
            "data_categories": fields.words(self.data_categories, field="data_categories"),
        }


def add(*, actor: Person, name: str, type: str, identifier: str, facts: Facts) -> Resource:  # noqa: A002 - AuthZEN
    """Enter a resource.

    Raises:
        Invalid: a text is missing or too long, or it is a wildcard without a live exception.
        Denied: the actor keeps no resources; recorded.
        Conflict: the name is taken, or a live resource has this reference.
    """
    made = prepared(name=name, type=type, identifier=identifier, facts=facts, added_by=actor.actor.ref)
    with attempt(action=Action.RESOURCE_ADDED, actor=actor.actor, stream=SYSTEM_STREAM, object="resources"):
        refuse(role_permissions.against_keeping_resources(actor, "add"))
        _require_owner(made.owner)
        try:
            with transaction.atomic():
                made.save(force_insert=True)
        except IntegrityError as error:
            raise Conflict(f"There is a resource {name}, or one for {made.reference}, already.") from error
        history.record(
            changed=[made],
            stream=SYSTEM_STREAM,
            action=Action.RESOURCE_ADDED,
            actor=actor.actor,
            object=f"resource/{made.pk}",
            body={"name": name, "reference": made.reference, **fields.told(facts.values)},
        )
    return made


def prepared(*, name: str, type: str, identifier: str, facts: Facts, added_by: str) -> Resource:  # noqa: A002
    """The resource as it would be entered, checked and not saved.

    Raises:
        Invalid: `fields` says which does not hold.
    """
    made = Resource(name=name, type=type, identifier=identifier.strip(), added_by=added_by, **facts.values)
    wrong: dict[str, str] = {}
    if not _name(name):
        wrong["name"] = "must begin with a small letter, and have small letters, digits, _ and - alone"
    if not _type(type):
        wrong["type"] = "must be one word of small letters, digits, _ and -"
    if problem := _identifier(made.identifier):
        wrong["identifier"] = problem
    elif resource_pattern.is_wildcard(made.reference) and not catalogue.exceptions_for([made.reference]):
        wrong["identifier"] = "is a wildcard: an administrator has to grant an exception for it first"
    if wrong:
        listed = " ".join(f"{field}: {problem}." for field, problem in wrong.items())
        raise Invalid(listed, fields=wrong)
    fields.check(made, required=("title",))
    return made


def change(*, actor: Person, resource: Resource, facts: Facts) -> Resource:
    """Say anew what the catalogue says: it is more sensitive, holds other data, somebody else answers for it.

    Raises:
        Invalid: as `add`.
        Denied: the actor keeps no resources; recorded.
        Conflict: nothing differs, or it has ended.
    """
    values = facts.values
    with attempt(
        action=Action.RESOURCE_CHANGED,
        actor=actor.actor,
        stream=SYSTEM_STREAM,
        object=f"resource/{resource.pk}",
    ):
        refuse(role_permissions.against_keeping_resources(actor, "change"))
        held = _live(resource.pk)
        if facts.owner != held.owner:
            _require_owner(facts.owner)
        changed = fields.changes(held, values)
        fields.check(held, required=("title",))
        held.save(update_fields=list(changed))
        history.record(
            changed=[held],
            stream=SYSTEM_STREAM,
            action=Action.RESOURCE_CHANGED,
            actor=actor.actor,
            object=f"resource/{held.pk}",
            body={"name": held.name, "changed": changed},
        )
    return held


def end(*, actor: Person, resource: Resource, reason: str) -> Resource:
    """Take it out of the catalogue, once no role speaks of it.

    Raises:
        Invalid: no reason.
        Denied: the actor keeps no resources; recorded.
        Conflict: it has ended already, or a role speaks of it.
    """
    said = fields.sentence(reason, field="reason")
    with attempt(
        action=Action.RESOURCE_ENDED,
        actor=actor.actor,
        stream=SYSTEM_STREAM,
        object=f"resource/{resource.pk}",
    ):
        refuse(role_permissions.against_keeping_resources(actor, "change"))
        held = _live(resource.pk)
        if roles := _roles_that_name(held):
            raise Conflict(f"Roles speak of {held}: {', '.join(roles)}. Change them first.")
        held.ended_at = timezone.now()
        held.save(update_fields=["ended_at"])
        history.record(
            changed=[held],
            stream=SYSTEM_STREAM,
            action=Action.RESOURCE_ENDED,
            actor=actor.actor,
            object=f"resource/{held.pk}",
            body={"name": held.name, "reason": said},
        )
    return held


def _identifier(identifier: str) -> str:
    bare = PLACE.sub("", identifier)
    if not identifier or re.search(r"\s", identifier) or "{" in bare or "}" in bare:
        return "must say which, without blanks, and in braces only names such as {table}"
    return ""


def _live(resource_id: UUID) -> Resource:
    rows = Resource.objects.select_for_update(of=("self",), no_key=True).select_related("owner")
    held = rows.get(pk=resource_id)
    if held.ended_at is not None:
        raise Conflict(f"{held} has ended. Add it anew, under another name, if it is back.")
    return held


def _require_owner(owner: Person) -> None:
    if not owner.is_active:
        message = f"The account of {owner} is not active."
        raise Invalid(message, fields={"owner": message})


def _roles_that_name(resource: Resource) -> list[str]:
    roles = AgentRole.objects.filter(ended_at__isnull=True).select_related("current")
    return [
        role.name
        for role in roles
        if any(each.resource == resource.name for each in role_selectors.permissions_of(role))
    ]
