"""The resource catalogue out of and into files: all of a file or nothing of it (S2-4).

What would change is found out by the services themselves: it is done, and taken back.
"""

import hashlib
from typing import Any

from django.conf import settings
from django.db import transaction
from django.template.defaultfilters import filesizeformat

from agents import selectors
from agents.models import Person
from agents.register_files import Problem
from agents.services.importing import Change, Difference, Plan
from audits.choices import Action
from audits.errors import Conflict, Denied, Invalid, ServiceError
from audits.services import ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from governance import catalogue, resource_files, role_permissions
from governance.choices import Operation, ResourceKind, Sensitivity
from governance.models import Resource
from governance.resource_files import Row
from governance.services import resources
from governance.services.resources import Facts

SHOWN = ("title", "kind", "operations", "sensitivity", "personal_data", "data_categories", "owner")
FIXED = ("type", "identifier")
CHOICES: dict[str, Any] = {"kind": ResourceKind, "sensitivity": Sensitivity}


def export(*, format: str) -> str:  # noqa: A002 - the files' word
    """Every live resource of the catalogue."""
    return resource_files.write(
        (_record(row) for row in catalogue.live_resources().select_related("owner").order_by("name")), format
    )


def plan(*, actor: Person, content: bytes, format: str) -> Plan:  # noqa: A002 - as above
    """What importing this file would do now. It is tried, and taken back: nothing is changed.

    Raises:
        Denied: the actor keeps no resources.
        Invalid: the file is too large.
    """
    refuse(role_permissions.against_keeping_resources(actor, "add"))
    with transaction.atomic():
        found = _perform(actor, content, format)
        transaction.set_rollback(True)
    return found


def perform(
    *,
    actor: Person,
    content: bytes,
    format: str,  # noqa: A002 - as above
    file_name: str,
    expected: str = "",
) -> Plan:
    """Import the file: all of it or nothing, each resource with its own event.

    Args:
        expected: the digest of the plan that was shown; empty where none was.

    Raises:
        Denied: the actor keeps no resources; recorded.
        Invalid: something in the file does not hold; the sentence lists every line and field.
        Conflict: the import would now do something else than what was shown; recorded.
    """
    with attempt(
        action=Action.RESOURCES_IMPORTED, actor=actor.actor, stream=SYSTEM_STREAM, object="resources"
    ):
        refuse(role_permissions.against_keeping_resources(actor, "add"))
        done = _perform(actor, content, format)
        require_done(done, expected)
        ledger.record(
            stream=SYSTEM_STREAM,
            action=Action.RESOURCES_IMPORTED,
            actor=actor.actor,
            object="resources",
            body=told(done, file_name),
        )
    return done


def require_done(done: Plan, expected: str) -> None:
    """Nothing is wrong, and it is what was shown.

    Raises:
        Denied, Invalid: something does not hold.
        Conflict: something else was shown.
    """
    if done.problems:
        raise (Denied if done.denied else Invalid)(
            " ".join(f"{problem}." for problem in done.problems),
            fields={f"{one.line} {one.field}": str(one) for one in done.problems},
        )
    if expected and done.digest != expected:
        raise Conflict("Something has changed since this was shown. Nothing was imported: look again.")


def told(done: Plan, file_name: str) -> dict[str, Any]:
    """An import as the body of its event says it."""
    counts = {f"{verb}ed": done.count(verb) for verb in ("register", "amend")}
    return {"file_name": file_name, "file_sha256": done.file_sha256, **counts}


def require_small(content: bytes) -> None:
    """A file that is read at a time.

    Raises:
        Invalid: it is too large.
    """
    if len(content) > settings.REGISTER_IMPORT_MAX_BYTES:
        most = filesizeformat(settings.REGISTER_IMPORT_MAX_BYTES)
        raise Invalid(f"The file is larger than {most}. Import it in parts.", fields={"file": "too large"})


def _perform(actor: Person, content: bytes, format: str) -> Plan:  # noqa: A002 - as above
    require_small(content)
    file = resource_files.read(content, format, max_rows=settings.REGISTER_IMPORT_MAX_ROWS)
    names = [row.name for row in file.rows]
    there = {row.name: row for row in Resource.objects.filter(name__in=names).select_related("owner")}
    changes: list[Change] = []
    denied = False
    for row in file.rows:
        try:
            with transaction.atomic():
                changes.append(_take(actor, row, there.get(row.name)))
        except ServiceError as error:
            denied |= isinstance(error, Denied)
            for name, sentence in (error.fields or {"": error.message}).items():
                file.refuse(row.line_of(name), name, (sentence if name else error.message).rstrip("."))
    return Plan(
        file_sha256=hashlib.sha256(content).hexdigest(),
        changes=tuple(changes),
        problems=tuple(sorted(file.problems, key=_place)),
        denied=denied,
    )


def _place(problem: Problem) -> tuple[int, str]:
    return problem.line, problem.field


def _take(actor: Person, row: Row, there: Resource | None) -> Change:
    before = _shown(there) if there else dict.fromkeys((*FIXED, *SHOWN), "")
    if there is None:
        made = resources.add(
            actor=actor,
            name=row.name,
            type=row.values.get("type", ""),
            identifier=row.values.get("identifier", ""),
            facts=_facts(row, {}),
        )
        return _change(row, "register", before, _shown(made))
    for name in FIXED:
        if row.values.get(name, getattr(there, name)) != getattr(there, name):
            problem = "never changes: end the resource, and add another"
            raise Invalid(f"{name} {problem}.", fields={name: problem})
    facts = _facts(row, {name: getattr(there, name) for name in SHOWN})
    if facts.values == Facts.of(there).values:
        return _change(row, "unchanged", before, before)
    return _change(row, "amend", before, _shown(resources.change(actor=actor, resource=there, facts=facts)))


def _change(row: Row, verb: str, before: dict[str, str], after: dict[str, str]) -> Change:
    differences = (
        Difference(name, before[name], after[name]) for name in after if before[name] != after[name]
    )
    return Change(row.line, row.name, verb, tuple(differences))


def _facts(row: Row, now: dict[str, Any]) -> Facts:
    """What the file says, and for the rest what the catalogue says."""
    wrong: dict[str, str] = {}
    given = {**now, **{name: row.values[name] for name in SHOWN if name in row.values}}
    for name, choices in CHOICES.items():
        if given.get(name) not in choices.values:
            wrong[name] = f"must be one of {', '.join(choices.values)}"
    if unknown := set(given.get("operations", [])) - set(Operation.values):
        wrong["operations"] = f"{min(unknown)[:40]} is none of {', '.join(Operation.values)}"
    if isinstance(given.get("owner", ""), str):
        owner = selectors.person_named(given["owner"]) if given.get("owner") else None
        if owner is None:
            wrong["owner"] = f"nobody signs in as {given.get('owner', '')}"
        given["owner"] = owner
    if wrong:
        raise Invalid(" ".join(f"{name}: {text}." for name, text in wrong.items()), fields=wrong)
    return Facts(
        title=given.get("title", ""),
        kind=ResourceKind(given["kind"]),
        operations=[Operation(value) for value in given.get("operations", [])],
        sensitivity=Sensitivity(given["sensitivity"]),
        owner=given["owner"],
        personal_data=given.get("personal_data", False),
        data_categories=given.get("data_categories", []),
    )


def _record(resource: Resource) -> dict[str, Any]:
    record = {name: getattr(resource, name) for name in resource_files.COLUMNS}
    return record | {"owner": resource.owner.username, "kind": str(resource.kind)}


def _shown(resource: Resource) -> dict[str, str]:
    record = _record(resource)
    return {name: _in_words(record[name]) for name in (*FIXED, *SHOWN)}


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return resource_files.YES if value else resource_files.NO
    return "; ".join(value) if isinstance(value, list) else str(value)
