"""Roles of agents out of and into the YAML of S2-5: all of a file or nothing of it.

A role that the file does not name stays as it is. What would change, and for whom, is found out by the
services themselves: it is done, and taken back.
"""

import hashlib
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction

from agents.models import Person
from agents.services.importing import Change, Difference, Plan
from audits.choices import Action
from audits.errors import Denied, Invalid, ServiceError
from audits.services import ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from governance import role_files, role_permissions, role_selectors
from governance.models import AgentRole
from governance.role_files import Row
from governance.role_rules import Permission
from governance.services import agent_roles
from governance.services.resource_importing import require_done, require_small, told
from governance.services.role_grants import Effect

FORMATS = ("yaml",)


def export(*, format: str = "yaml") -> str:  # noqa: A002, ARG001 - the files' word; there is one format
    """Every live role, by name."""
    live = AgentRole.objects.filter(ended_at__isnull=True).select_related("current").order_by("name")
    return role_files.write({role.name: role_selectors.permissions_of(role) for role in live})


def plan(*, actor: Person, content: bytes, format: str = "yaml") -> Plan:  # noqa: A002, ARG001 - as above
    """What importing this file would do now, and to whom. It is tried, and taken back.

    Raises:
        Denied: the actor keeps no roles.
        Invalid: the file is too large.
    """
    refuse(role_permissions.against_keeping_roles(actor, "add"))
    with transaction.atomic():
        found = _perform(actor, content, "a file")
        transaction.set_rollback(True)
    return found


def perform(
    *,
    actor: Person,
    content: bytes,
    file_name: str,
    format: str = "yaml",  # noqa: A002, ARG001 - as above
    expected: str = "",
) -> Plan:
    """Import the file: all of it or nothing, each role with its own event, in force for all who hold it.

    Args:
        expected: the digest of the plan that was shown; empty where none was.

    Raises:
        Denied: the actor keeps no roles; recorded.
        Invalid: something in the file does not hold; the sentence lists every line and field.
        Conflict: the import would now do something else than what was shown; recorded.
    """
    with attempt(
        action=Action.AGENT_ROLES_IMPORTED, actor=actor.actor, stream=SYSTEM_STREAM, object="agent_roles"
    ):
        refuse(role_permissions.against_keeping_roles(actor, "add"))
        done = _perform(actor, content, file_name)
        require_done(done, expected)
        ledger.record(
            stream=SYSTEM_STREAM,
            action=Action.AGENT_ROLES_IMPORTED,
            actor=actor.actor,
            object="agent_roles",
            body=told(done, file_name),
        )
    return done


def _perform(actor: Person, content: bytes, file_name: str) -> Plan:
    require_small(content)
    file = role_files.read(content, max_roles=settings.REGISTER_IMPORT_MAX_ROWS)
    names = [row.name for row in file.rows]
    there = {role.name: role for role in AgentRole.objects.filter(name__in=names).select_related("current")}
    changes: list[Change] = []
    denied = False
    for row in file.rows:
        wrong = agent_roles.misfits(row.permissions)
        for place, sentence in wrong.items():
            index, _, key = place.partition(".")
            file.refuse(row.lines[int(index)], f"{row.name}.{key}", sentence)
        if wrong:
            continue
        try:
            with transaction.atomic():
                changes.append(_take(actor, row, there.get(row.name), file_name))
        except ServiceError as error:
            denied |= isinstance(error, Denied)
            file.refuse(row.line, row.name, error.message.rstrip("."))
    return Plan(
        file_sha256=hashlib.sha256(content).hexdigest(),
        changes=tuple(changes),
        problems=tuple(sorted(file.problems, key=lambda one: (one.line, one.field))),
        denied=denied,
    )


def _take(actor: Person, row: Row, there: AgentRole | None, file_name: str) -> Change:
    reason, after = f"Imported from {file_name}.", in_words(row.permissions)
    if there is None:
        agent_roles.add(actor=actor, name=row.name, permissions=row.permissions, reason=reason)
        return Change(row.line, row.name, "register", (Difference("permissions", "", after),))
    if there.ended_at is not None:
        raise Invalid("this role has ended; give it another name")
    if there.current and there.current.sha256 == agent_roles.digest_of(row.name, row.permissions):
        return Change(row.line, row.name, "unchanged")
    before = in_words(role_selectors.permissions_of(there))
    shown = agent_roles.plan(actor=actor, role=there, permissions=row.permissions)
    agent_roles.change(actor=actor, role=there, permissions=row.permissions, reason=reason)
    affected = (_affected(effect) for effect in shown.effects)
    return Change(row.line, row.name, "amend", (Difference("permissions", before, after), *affected))


def in_words(permissions: Sequence[Permission]) -> str:
    """A line for each permission."""
    return "\n".join(
        f"{each.resource} [{', '.join(each.actions)}] {', '.join(map(str, each.conditions))}".rstrip()
        for each in permissions
    )


def _affected(effect: Effect) -> Difference:
    ends, begins = (
        "; ".join(" ".join((grant.action, grant.resource, *grant.conditions)) for grant in rows)
        for rows in (effect.ended, effect.begins)
    )
    return Difference(f"reads of {effect.agent.slug}", ends, begins)
