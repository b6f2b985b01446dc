"""The register out of and into files (S1-3): what an import would change, and the import itself.

What would change is found out by the services themselves: amendments are tried and taken back, and what is
new is checked as they check it, but not saved: saving would make a key for the stream of each.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.template.defaultfilters import filesizeformat

from agents import entry, permissions, register_files, selectors
from agents.choices import AgentState
from agents.defaults import GENERAL
from agents.models import Agent, AgentVersion, Person
from agents.provenance import Provenance
from agents.register_files import PROVENANCE, Problem, Record, Row
from agents.services import register
from audits import canonical
from audits.choices import Action
from audits.errors import Conflict, Denied, Invalid, ServiceError
from audits.services import ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse


@dataclass(frozen=True, slots=True)
class Difference:
    """What an entry says now and after the import, in words; `before` is empty where it is new."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one entry: it is registered, amended, or stays as it is."""

    line: int
    slug: str
    verb: str
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that an import of this file does to the register as it is now, or why it does nothing."""

    file_sha256: str
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]
    denied: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 of the file and of every change: an import is bound to what was shown."""
        return canonical.digest(
            {
                "file": self.file_sha256,
                "changes": [
                    [
                        one.line,
                        one.slug,
                        one.verb,
                        [[each.field, each.before, each.after] for each in one.differences],
                    ]
                    for one in self.changes
                ],
            }
        )

    def count(self, verb: str) -> int:
        return sum(change.verb == verb for change in self.changes)

    @property
    def in_words(self) -> str:
        return (
            f"{self.count('register')} registered, {self.count('amend')} amended, "
            f"{self.count('unchanged')} unchanged"
        )


def export(*, format: str, agents: QuerySet[Agent] | None = None) -> str:  # noqa: A002 - the files' word
    """The register as CSV, or as YAML with the versions' provenance; without what was only discovered."""
    versions = Prefetch("versions", AgentVersion.objects.order_by("added_at", "pk"))
    rows = (Agent.objects.all() if agents is None else agents).exclude(state=AgentState.DISCOVERED)
    listed = rows.select_related("owner", "sponsor").prefetch_related("deputies", versions).order_by("slug")
    if format == "csv":
        return register_files.write_csv(_record(agent) for agent in listed)
    return register_files.write_yaml(
        _record(agent) | {"versions": [_version_record(version) for version in agent.versions.all()]}
        for agent in listed
    )


def plan(*, actor: Person, content: bytes, format: str) -> Plan:  # noqa: A002 - as above
    """What importing this file would do now. It is tried, and taken back: nothing is changed.

    Raises:
        Denied: the actor may not import.
        Invalid: the file is too large.
    """
    refuse(permissions.why_not_import(actor))
    with transaction.atomic():
        found = _perform(actor, content, format, saves=False)
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
    """Import the file: all of it or nothing, each entry with its own event.

    Args:
        expected: the digest of the plan that was shown; empty where none was.

    Raises:
        Denied: the actor may not import, or may not register or amend an entry in it; recorded.
        Invalid: something in the file does not hold; the sentence lists every line and field.
        Conflict: the import would now do something else than what was shown; recorded.
    """
    with attempt(action=Action.REGISTER_IMPORTED, actor=actor.actor, stream=SYSTEM_STREAM, object="agents"):
        refuse(permissions.why_not_import(actor))
        done = _perform(actor, content, format, saves=True)
        if done.problems:
            raise (Denied if done.denied else Invalid)(
                " ".join(f"{problem}." for problem in done.problems),
                fields={f"{one.line} {one.field}": str(one) for one in done.problems},
            )
        if expected and done.digest != expected:
            raise Conflict("The register has changed since this was shown. Nothing was imported: look again.")
        ledger.record(
            stream=SYSTEM_STREAM,
            action=Action.REGISTER_IMPORTED,
            actor=actor.actor,
            object="agents",
            body={
                "file_name": file_name,
                "file_sha256": done.file_sha256,
                "format": format,
                "registered": done.count("register"),
                "amended": done.count("amend"),
                "unchanged": done.count("unchanged"),
            },
        )
    return done


def _perform(
    actor: Person,
    content: bytes,
    format: str,  # noqa: A002 - as above
    *,
    saves: bool,
) -> Plan:
    if len(content) > settings.REGISTER_IMPORT_MAX_BYTES:
        most = filesizeformat(settings.REGISTER_IMPORT_MAX_BYTES)
        raise Invalid(f"The file is larger than {most}. Import it in parts.", fields={"file": "too large"})
    file = register_files.read(content, format, max_rows=settings.REGISTER_IMPORT_MAX_ROWS)
    trial = _Trial(actor, file.problems, saves=saves)
    # All rows that change are locked first, in one order: two imports at once wait for each other.
    slugs = [row.slug for row in file.rows]
    held = Agent.objects.select_for_update(of=("self",), no_key=True).select_related("owner", "sponsor")
    existing = {agent.slug: agent for agent in held.filter(slug__in=slugs).order_by("pk")}
    changes = [trial.take(row, existing.get(row.slug)) for row in file.rows]
    return Plan(
        file_sha256=hashlib.sha256(content).hexdigest(),
        changes=tuple(change for change in changes if change),
        problems=tuple(sorted(trial.problems, key=lambda one: (one.line, one.field))),
        denied=trial.denied,
    )


class _Trial:
    """Takes one row after the other, and remembers everything that does not hold.

    Unless it `saves`, new entries and new versions are checked alone.
    """

    def __init__(self, actor: Person, problems: list[Problem], *, saves: bool) -> None:
        self._saves = saves
        self.problems = problems
        self.denied = False
        self._actor = actor
        self._people: dict[str, Person | None] = {}

    def take(self, row: Row, agent: Agent | None) -> Change | None:
        """Register or amend what the row says; None where it does not hold."""
        before = len(self.problems)
        people = {name: self._named(row, name) for name in ("owner", "sponsor")}
        deputies = self._deputies(row)
        if agent is not None and people["owner"] not in (None, agent.owner):
            self._refuse(row, "owner", "another owner comes by a handover, not by an import")
        if len(self.problems) > before:
            return None
        given = {name: row.values[name] for name in (*entry.TEXTS, *entry.LISTS) if name in row.values}
        if "deputies" in row.values:
            given["deputies"] = deputies
        if "sponsor" in row.values:
            given["sponsor"] = people["sponsor"]
        try:
            with transaction.atomic():
                if agent is None:
                    return self._register(row, given, people["owner"] or self._actor)
                return self._amend(row, agent, given)
        except ServiceError as error:
            self.denied |= isinstance(error, Denied)
            for name, sentence in (error.fields or {"": error.message}).items():
                self._refuse(row, name, sentence if name else error.message)
            return None

    def _register(self, row: Row, given: dict[str, Any], owner: Person) -> Change:
        filled = {name: value for name, value in given.items() if value not in ("", None)}
        filled = dict.fromkeys(entry.NEEDED, "") | {"problem_class": GENERAL} | filled
        if self._saves:
            agent = register.register_agent(actor=self._actor, slug=row.slug, owner=owner, **filled)
        else:
            agent = self._checked(row, filled, owner)
        deputies = sorted({person.username for person in filled.get("deputies", ())})
        shown = _shown(agent) | {"deputies": _in_words(deputies), "owner": owner.username}
        added = self._add_versions(row, agent, is_new=True)
        differences = (Difference(name, "", value) for name, value in shown.items() if value)
        return Change(row.line, row.slug, "register", (*differences, *added))

    def _checked(self, row: Row, given: dict[str, Any], owner: Person) -> Agent:
        """The entry as it would be registered, not saved."""
        deputies = given.get("deputies", [])
        values = {name: entry.clean(name, value) for name, value in given.items() if name != "deputies"}
        agent = Agent(slug=row.slug, owner=owner, **values)
        register.require_new(agent=agent, deputies=deputies)
        refuse(permissions.why_not_register(self._actor, owner=owner, deputies=deputies))
        return agent

    def _amend(self, row: Row, agent: Agent, given: dict[str, Any]) -> Change:
        before = _shown(agent)
        changes = _differing(agent, given)
        if changes:
            register.amend(actor=self._actor, agent=agent, changes=changes)
        after = _shown(agent)
        differences = [
            Difference(name, before[name], after[name]) for name in after if after[name] != before[name]
        ]
        differences += self._add_versions(row, agent)
        return Change(row.line, row.slug, "amend" if differences else "unchanged", tuple(differences))

    def _add_versions(self, row: Row, agent: Agent, *, is_new: bool = False) -> list[Difference]:
        """Those that the register does not have; one that it has stays what it is, so it must be the same."""
        there = {version.label: version.digest for version in agent.versions.all()}
        add = register.new_version if is_new and not self._saves else register.add_version
        added = []
        for number, record in enumerate(row.versions):
            label, at = record["label"], f"versions.{number}"
            provenance = Provenance(
                **{name: record.get(name, [] if name == "tool_manifest" else "") for name in PROVENANCE}
            )
            if problems := provenance.problems:
                for name, sentence in problems.items():
                    self._refuse(row, f"{at}.{name}", sentence)
                continue
            if record.get("digest", provenance.digest) != provenance.digest:
                self._refuse(row, f"{at}.digest", "is not the digest of this provenance")
            elif label not in there:
                try:
                    add(actor=self._actor, agent=agent, label=label, provenance=provenance)
                except Invalid as error:
                    self._refuse(row, at, error.message)
                there[label] = provenance.digest
                added.append(Difference(f"version {label}", "", provenance.digest))
            elif there[label] != provenance.digest:
                self._refuse(
                    row, at, f"the register has a version {label} with another provenance; it never changes"
                )
        return added

    def _deputies(self, row: Row) -> list[Person]:
        found = [self._person(row, "deputies", name) for name in row.values.get("deputies", ())]
        return [person for person in found if person is not None]

    def _named(self, row: Row, name: str) -> Person | None:
        username = row.values.get(name, "").strip()
        return self._person(row, name, username) if username else None

    def _person(self, row: Row, field: str, username: str) -> Person | None:
        if username not in self._people:
            self._people[username] = selectors.person_named(username)
        person = self._people[username]
        if person is None:
            self._refuse(row, field, f"nobody signs in as {username}")
        return person

    def _refuse(self, row: Row, name: str, sentence: str) -> None:
        self.problems.append(Problem(row.line_of(name), name, sentence.rstrip(".")))


def _differing(agent: Agent, given: Mapping[str, Any]) -> dict[str, Any]:
    """What of the given values is not what the entry says."""
    now = entry.values_of(agent)
    told = {name: entry.clean(name, value) for name, value in given.items() if name not in entry.PEOPLE}
    if "deputies" in given:
        told["deputies"] = sorted({person.username for person in given["deputies"]})
    if "sponsor" in given:
        told["sponsor"] = given["sponsor"].username if given["sponsor"] else None
    return {name: given[name] for name, value in told.items() if value != now[name]}


def _shown(agent: Agent) -> dict[str, str]:
    values = entry.values_of(agent)
    return {name: _in_words(values[name]) for name in entry.FIELDS}


def _in_words(value: Any) -> str:
    return "; ".join(value) if isinstance(value, list) else value or ""


def _record(agent: Agent) -> Record:
    texts = {name: getattr(agent, name) for name in (*entry.TEXTS, *entry.LISTS)}
    record = {
        **texts,
        "slug": agent.slug,
        "owner": agent.owner.username,
        "deputies": sorted(person.username for person in agent.deputies.all()),
        "sponsor": agent.sponsor.username if agent.sponsor else "",
    }
    return {name: record[name] for name in register_files.COLUMNS}


def _version_record(version: AgentVersion) -> Record:
    provenance = {name: getattr(version, name) for name in PROVENANCE}
    return {"label": version.label, "digest": version.digest, **provenance}
