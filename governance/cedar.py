"""Cedar policies: read, validated against their schema, and asked. Pure: no database, no clock.

Cedar decides for the types that the register does not know. What is asked is data: types and ids go in
as JSON, never as policy text. Whatever Cedar cannot evaluate is denied, because Cedar itself leaves a
policy that fails out, and a `forbid` that is left out would permit.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import cedarpy

from audits import canonical
from governance.authzen import Entity, Evaluation, properties_of

MAX_PROBLEMS = 5
MIN_LONG, MAX_LONG = -(2**63), 2**63 - 1
DECIMAL_PLACES = 4
ESCAPES = frozenset({"__entity", "__extn", "__expr"})
ACTION = "Action"
# Where policies find the properties of the action: Cedar's actions have none of their own.
ACTION_PROPERTIES = "action_properties"

Uid = tuple[str, str]


class PolicyError(ValueError):
    """The policies, the schema or the entities cannot be used; the sentence says why."""


class _UnsayableError(ValueError):
    """Cedar has no value for something in the question."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`policies` are the names of those that decided; `error` is set where nothing could be evaluated."""

    allowed: bool
    policies: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Policies:
    """A parsed policy set with its entities; made once, asked often, from any thread."""

    policies: cedarpy.PolicySet
    entities: cedarpy.Entities
    known: Mapping[Uid, dict[str, Any]]
    names: Mapping[str, str] = field(default_factory=dict)

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
        result = cedarpy.is_authorized(request, self.policies, entities)
        if result.diagnostics.errors or result.decision == cedarpy.Decision.NoDecision:
            return Verdict(allowed=False, error="A policy could not be evaluated on this question.")
        reasons = tuple(sorted(self.names.get(reason, reason) for reason in result.diagnostics.reasons))
        return Verdict(allowed=result.allowed, policies=reasons)

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
        PolicyError: the policies, the schema or the entities cannot be read, or do not fit each other.
    """
    text = "\n".join(policies[name] for name in sorted(policies))
    for name, content in sorted(policies.items()):
        _tried(name, cedarpy.PolicySet.from_str, content)
    parsed = _tried("The policies", cedarpy.PolicySet.from_str, text)
    shape = _tried("schema.cedarschema", cedarpy.Schema.from_str, schema)
    validated = cedarpy.validate_policies(text, shape)
    if not validated.validation_passed:
        problems = "; ".join(str(error) for error in validated.errors[:MAX_PROBLEMS])
        raise PolicyError(f"The policies do not fit schema.cedarschema: {problems}.")
    handle = _tried("entities.json", cedarpy.Entities.from_json_str, entities, shape)
    known = {(one["uid"]["type"], one["uid"]["id"]): one for one in json.loads(str(handle))}
    return Policies(policies=parsed, entities=handle, known=known, names=_names(text))


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


def _names(text: str) -> dict[str, str]:
    """What policies are called: the text of their `@id`, where they have one."""
    found = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"]
    return {key: policy.get("annotations", {}).get("id") or key for key, policy in found.items()}


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
