"""Cedar policies: read, validated against their schema, and asked. Pure: no database, no clock.

Cedar decides for the types that the register does not know. What is asked is data: types and ids go in
as JSON, never as policy text. Whatever Cedar cannot evaluate is denied, because Cedar itself leaves a
policy that fails out, and a `forbid` that is left out would permit.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import cedarpy

from audits import canonical
from governance import cedar_source, obligations
from governance.authzen import Entity, Evaluation, properties_of
from governance.cedar_source import SCHEMA_FILE, Statement

MAX_PROBLEMS = 5
MIN_LONG, MAX_LONG = -(2**63), 2**63 - 1
DECIMAL_PLACES = 4
ESCAPES = frozenset({"__entity", "__extn", "__expr"})
ACTION = "Action"
# Where policies find the properties of the action: Cedar's actions have none of their own.
ACTION_PROPERTIES = "action_properties"
# Of agents of the register: a running copy is the principal, in its agent. `@decides("agents")` on a permit
# says that a grant is not enough for them.
AGENT, AGENT_INSTANCE = "Agent", "AgentInstance"
DECIDES, AGENTS = "decides", "agents"
_FOR_AGENTS = f"permit (principal is {AGENT_INSTANCE}, action, resource);"

Uid = tuple[str, str]


class PolicyError(ValueError):
    """The policies, the schema or the entities cannot be used; the sentence says why."""


class _UnsayableError(ValueError):
    """Cedar has no value for something in the question."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`policies` are the names of those that decided; `error` is set where nothing could be evaluated.

    `said` is the `@reason` of those that forbade it; `obligations` are those of the policies that permitted.
    """

    allowed: bool
    policies: tuple[str, ...] = ()
    error: str = ""
    said: str = ""
    obligations: tuple[str, ...] = ()

    @property
    def forbidden(self) -> bool:
        """Whether a policy forbids it, rather than none permitting it."""
        return not self.allowed and bool(self.policies)


@dataclass(frozen=True, slots=True)
class Note:
    """What the annotations of one policy say: `@id`, `@reason`, `@obligation`, `@decides`."""

    name: str
    effect: str
    said: str = ""
    obligations: tuple[str, ...] = ()
    for_agents: bool = False


@dataclass(frozen=True)
class Policies:
    """A parsed policy set with its entities; made once, asked often, from any thread."""

    policies: cedarpy.PolicySet
    entities: cedarpy.Entities
    known: Mapping[Uid, dict[str, Any]]
    notes: Mapping[str, Note] = field(default_factory=dict)
    for_agents: bool = False

    @property
    def agents_need_permit(self) -> bool:
        """Whether an agent's grant is not enough: a policy has to permit it as well."""
        return any(note.for_agents for note in self.notes.values())

    def decide(self, evaluation: Evaluation) -> Verdict:
        """Cedar's answer; `forbid` beats `permit`, and what cannot be evaluated is denied."""
        try:
            request = {
                "principal": _uid(evaluation.subject),
                "action": {"type": ACTION, "id": evaluation.action.name},
                "resource": _uid(evaluation.resource),
                "context": _value(
                    dict(evaluation.context) | {ACTION_PROPERTIES: properties_of(evaluation.action)}
                ),
            }
            entities = self._with((evaluation.subject, evaluation.resource))
        except _UnsayableError as error:
            return Verdict(allowed=False, error=str(error))
        except ValueError:
            return Verdict(allowed=False, error="The subject or the resource is nothing that Cedar can name.")
        return self._verdict(request, entities)

    def ask(self, instance: str, agent: str, action: str, resource: str, context: Any) -> Verdict:
        """Cedar's answer about a running copy of an agent; `resource` is `type/id`."""
        kind, _, name = resource.partition("/")
        copy, of = {"type": AGENT_INSTANCE, "id": instance}, {"type": AGENT, "id": agent}
        request = {
            "principal": copy,
            "action": {"type": ACTION, "id": action},
            "resource": {"type": kind, "id": name},
        }
        try:
            request["context"] = _value(context)
            entities = self.entities
            if (AGENT_INSTANCE, instance) not in self.known:
                entities = entities.with_added_json_str(
                    json.dumps([{"uid": copy, "attrs": {}, "parents": [of]}])
                )
        except _UnsayableError as error:
            return Verdict(allowed=False, error=str(error))
        except ValueError:
            return Verdict(allowed=False, error="The running copy is nothing that Cedar can name.")
        return self._verdict(request, entities)

    def _verdict(self, request: Any, entities: cedarpy.Entities) -> Verdict:
        try:
            result = cedarpy.is_authorized(request, self.policies, entities)
        except ValueError:
            return Verdict(allowed=False, error="The question is nothing that Cedar can ask.")
        if result.diagnostics.errors or result.decision == cedarpy.Decision.NoDecision:
            return Verdict(allowed=False, error="A policy could not be evaluated on this question.")
        unnamed = Note("", "")
        notes = [self.notes.get(reason, unnamed) for reason in result.diagnostics.reasons]
        return Verdict(
            allowed=result.allowed,
            policies=tuple(sorted(note.name for note in notes)),
            said=" ".join(sorted({note.said for note in notes if note.said})),
            obligations=obligations.together(note.obligations for note in notes if result.allowed),
        )

    def ids(self, kind: str) -> list[str]:
        """The ids of the known entities of a type, sorted."""
        return sorted(name for known, name in self.known if known == kind)

    def actions(self) -> list[str]:
        """The names of the schema's actions, sorted."""
        return self.ids(ACTION)

    def _with(self, asked: Iterable[Entity]) -> cedarpy.Entities:
        """The known entities, with what the question says about two of them on top.

        A property of the question replaces the known one: the enforcement point knows the present.
        """
        changed: dict[Uid, dict[str, Any]] = {}
        for entity in asked:
            uid = (entity.type, entity.id)
            known = changed.get(uid) or self.known.get(uid)
            before = known["attrs"] if known else {}
            attributes = before | _value(properties_of(entity))
            if attributes != before:
                parents = known["parents"] if known else []
                changed[uid] = {"uid": _uid(entity), "attrs": attributes, "parents": parents}
        if not changed:
            return self.entities
        if not any(uid in self.known for uid in changed):
            return self.entities.with_added_json_str(json.dumps(list(changed.values())))
        others = [entity for uid, entity in self.known.items() if uid not in changed]
        return cedarpy.Entities.from_json_str(json.dumps([*others, *changed.values()]))


def load(policies: Mapping[str, str], schema: str, entities: str) -> Policies:
    """Parse and validate a policy version.

    Raises:
        PolicyError: the policies, the schema or the entities cannot be read, or do not fit each other; it
            says where: file, line and column.
    """
    text = "\n".join(policies[name] for name in sorted(policies))
    found = cedar_source.all_statements(policies)
    for name, content in sorted(policies.items()):
        _read_policies(name, content)
    parsed = _tried("The policies", cedarpy.PolicySet.from_str, text)
    shape = _read_schema(schema)
    validated = cedarpy.validate_policies(text, shape)
    if not validated.validation_passed:
        said = dict.fromkeys(_placed(error, found) for error in validated.errors)
        problems = "; ".join(list(said)[:MAX_PROBLEMS])
        raise PolicyError(f"The policies do not fit {SCHEMA_FILE}: {problems}.")
    handle = _tried("entities.json", cedarpy.Entities.from_json_str, entities, shape)
    known = {(one["uid"]["type"], one["uid"]["id"]): one for one in json.loads(str(handle))}
    for_agents = bool(cedarpy.validate_policies(_FOR_AGENTS, shape).validation_passed)
    return Policies(parsed, handle, known, _notes(text, found), for_agents=for_agents)


def digests(policies: Mapping[str, str], schema: str, entities: str) -> dict[str, str]:
    """The SHA-256 of each part of a policy version, and of the three together."""
    parts = {
        "policies_sha256": canonical.digest([[name, text] for name, text in sorted(policies.items())]),
        "schema_sha256": canonical.digest(schema),
        "entities_sha256": canonical.digest(entities),
    }
    return {**parts, "sha256": canonical.digest(dict(parts))}


def _tried(what: str, read: Any, *arguments: Any) -> Any:
    try:
        return read(*arguments)
    except ValueError as error:
        raise PolicyError(f"{what} cannot be read: {error}") from error


def _read_policies(name: str, text: str) -> None:
    try:
        cedarpy.PolicySet.from_str(text)
    except ValueError as error:
        at = cedar_source.first_unreadable(cedar_source.statements(name, text), cedarpy.PolicySet.from_str)
        where, said = (at[0].where(), at[1]) if at else (name, str(error))
        raise PolicyError(f"{name} cannot be read: {where}: {said}") from error


def _read_schema(text: str) -> cedarpy.Schema:
    try:
        return cedarpy.Schema.from_str(text)
    except ValueError as error:
        at = cedar_source.unreadable_schema(text, cedarpy.Schema.from_str)
        where = f"{at[0].where(at[1])}: " if at else ""
        raise PolicyError(f"{SCHEMA_FILE} cannot be read: {where}{error}") from error


def _placed(problem: Any, found: Sequence[Statement]) -> str:
    """What Cedar says of a policy, with the place instead of the policy's number."""
    number = problem.policy_id.removeprefix("policy")
    said = str(problem.error).removeprefix(f"for policy `{problem.policy_id}`, ")
    if not number.isdecimal() or int(number) >= len(found):
        return said
    return f"{found[int(number)].where(said)}: {said}"


def _notes(text: str, found: Sequence[Statement]) -> dict[str, Note]:
    """The annotations of each policy, by Cedar's name for it."""
    notes = {}
    for key, policy in json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].items():
        notes[key] = _note(key, policy, found)
    return notes


def _note(key: str, policy: Mapping[str, Any], found: Sequence[Statement]) -> Note:
    given = {name: value or "" for name, value in policy.get("annotations", {}).items()}
    number = int(key.removeprefix("policy"))
    where = found[number].where() if number < len(found) else key
    permits = policy["effect"] == "permit"
    owed: tuple[str, ...] = ()
    try:
        if obligations.ANNOTATION in given:
            owed = obligations.read(given[obligations.ANNOTATION])
    except obligations.ObligationError as error:
        raise PolicyError(f"{where}: {error}") from error
    if owed and not permits:
        raise PolicyError(f"{where}: An obligation stands on a permit. What is forbidden owes nothing.")
    if DECIDES in given and (given[DECIDES] != AGENTS or not permits):
        raise PolicyError(f'{where}: @{DECIDES}("{AGENTS}") on a permit is the only such annotation.')
    return Note(given.get("id") or key, policy["effect"], given.get("reason", ""), owed, DECIDES in given)


def _uid(entity: Entity) -> dict[str, str]:
    return {"type": entity.type, "id": entity.id}


def _value(value: Any) -> Any:
    """A JSON value as one of Cedar's: null is absence, fractions are decimals of four places.

    Raises:
        _UnsayableError: Cedar has no such value. It is not left out: a `forbid` may look for it.
    """
    if isinstance(value, dict):
        if ESCAPES & value.keys():
            raise _UnsayableError("A property is named like an escape of Cedar's JSON.")
        return {key: _value(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_value(item) for item in value if item is not None]
    if isinstance(value, float):
        return _decimal(value)
    if isinstance(value, int) and not isinstance(value, bool) and not MIN_LONG <= value <= MAX_LONG:
        raise _UnsayableError("A number is larger than Cedar's.")
    return value


def _decimal(value: float) -> Any:
    exact = Decimal(repr(value))
    if exact == exact.to_integral_value() and MIN_LONG <= exact <= MAX_LONG:
        return int(exact)
    if abs(exact) * 10**DECIMAL_PLACES > MAX_LONG or exact != (places := round(exact, DECIMAL_PLACES)):
        raise _UnsayableError("A number is larger or finer than Cedar's decimals.")
    return {"__extn": {"fn": "decimal", "arg": f"{places:f}"}}
