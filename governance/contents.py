"""What people approve, as exact bytes: the dossier of a version, the wording of a write elevation.

A content is an object in the ledger's canonical profile (RFC 8785). Two parts of it are told apart:

- what is *described* (agent, people, version, risk, functions): it is read again from the database
  whenever it matters, and has to come out as the same bytes (promise 4);
- what was *frozen* with the request (`FROZEN`: the rule and limits, who is excluded, who asked): later
  changes of a risk class cannot touch it.

Foreign JSON (a function's parameter schema, a model's arguments) has keys and numbers outside the
profile; it is embedded as text, sorted by key. People appear by id and user name: a change of the name
that is shown does not change what was approved.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import orjson

from agents.choices import Access
from agents.models import Agent, AgentVersion, Person
from audits import canonical
from governance import manifest
from governance.models import Approval, Elevation, RiskAssessment, RiskClass
from governance.quorum import Rule

Content = dict[str, Any]

FROZEN = ("terms", "excluded", "requested_by")


def to_bytes(content: Content) -> bytes:
    """The exact bytes.

    Raises:
        ValueError: something in it is outside the canonical profile.
    """
    return canonical.dumps(content)


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read(approval: Approval) -> Content:
    """The content of an approval, read from the bytes that were digested."""
    content: Content = orjson.loads(approval.content)
    return content


def is_intact(approval: Approval) -> bool:
    """Whether the stored bytes still have their digest, and the columns say what the bytes say."""
    if digest_of(approval.content.encode()) != approval.digest:
        return False
    content = read(approval)
    return bool(content["terms"]["rule"] == approval.rule and content["excluded"] == approval.excluded)


def still_describes(approval: Approval, described: Content) -> bool:
    """Whether what was put before people is what is there now, byte for byte."""
    if not is_intact(approval):
        return False
    content = read(approval)
    try:
        now = to_bytes(described | {name: content[name] for name in FROZEN})
    except ValueError:
        return False
    return now == approval.content.encode()


def terms(risk_class: RiskClass) -> dict[str, Any]:
    """What the class demands, to be frozen with a dossier: its votes, its writes, its credentials."""
    return {
        "rule": dossier_rule(risk_class).frozen(),
        "writes": {
            "rule": elevation_rule(risk_class).frozen(),
            "max_minutes": risk_class.elevation_max_minutes,
        },
        "credential_max_seconds": risk_class.credential_max_seconds,
    }


def dossier_rule(risk_class: RiskClass) -> Rule:
    return Rule(seats=tuple(risk_class.seats), quorum=risk_class.quorum, veto=risk_class.veto)


def elevation_rule(risk_class: RiskClass) -> Rule:
    return Rule(
        seats=tuple(risk_class.elevation_seats), quorum=risk_class.elevation_quorum, veto=risk_class.veto
    )


def frozen(
    *, terms: dict[str, Any], agent: Agent, requester: Person, authors: Iterable[Person] = ()
) -> Content:
    """The frozen part: who asked, under which terms, and who may not vote on it (promise 5)."""
    people = {str(person.pk) for person in (requester, *authors)} | people_answering_for(agent)
    return {"terms": terms, "excluded": sorted(people), "requested_by": _person(requester)}


def people_answering_for(agent: Agent) -> set[str]:
    """Ids of the owner and the deputies as they are now."""
    return {str(agent.owner_id), *(str(pk) for pk in agent.deputies.values_list("pk", flat=True))}


def dossier(agent: Agent, version: AgentVersion, assessment: RiskAssessment) -> Content:
    """The described part of a dossier: everything that an approval of this version covers."""
    functions = manifest.entries(version.tool_manifest)
    return {
        "v": 1,
        "kind": "agent_version",
        "agent": {
            "id": str(agent.pk),
            "slug": agent.slug,
            "name": agent.name,
            "purpose": agent.purpose,
            "business_unit": agent.business_unit,
            "data_categories": agent.data_categories,
        },
        **_answering_for(agent),
        "version": {**_version(version), **_provenance(version)},
        "risk": {
            "answers": assessment.answers,
            "score": assessment.score,
            "level": assessment.risk_class_id,
        },
        "reads": manifest.of_access(functions, Access.READ),
        "writes": manifest.of_access(functions, Access.WRITE),
    }


def elevation(elevation: Elevation, agent: Agent) -> Content:
    """The described part of a write elevation, bound to the version that is active now."""
    version = agent.active_version
    proposal = elevation.proposal
    return {
        "v": 1,
        "kind": "elevation",
        "id": str(elevation.pk),
        "agent": {"id": str(agent.pk), "slug": agent.slug, "name": agent.name},
        **_answering_for(agent),
        "version": _version(version) if version else None,
        "dossier": agent.approved_digest,
        "action": elevation.action,
        "resource": elevation.resource,
        "intent": elevation.intent,
        "minutes": elevation.minutes,
        "uses": elevation.uses,
        "proposal": {
            "id": str(proposal.pk),
            "digest": proposal.digest,
            "function": proposal.function,
            "resource": proposal.resource,
            "finding": str(proposal.finding),
            "arguments": _text(proposal.arguments),
        }
        if proposal
        else None,
    }


def _answering_for(agent: Agent) -> Content:
    deputies: Iterable[Person] = agent.deputies.order_by("pk")
    return {"owner": _person(agent.owner), "deputies": [_person(deputy) for deputy in deputies]}


def _person(person: Person) -> dict[str, str]:
    return {"id": str(person.pk), "username": person.username}


def _version(version: AgentVersion) -> dict[str, str]:
    return {"id": str(version.pk), "label": version.label, "digest": version.digest}


def _provenance(version: AgentVersion) -> Content:
    return {
        "model_provider": version.model_provider,
        "model_name": version.model_name,
        "model_version": version.model_version,
        "prompt_digest": version.prompt_digest,
        "code_commit": version.code_commit,
        "data_snapshot": version.data_snapshot,
        "image_digest": version.image_digest,
        "tool_manifest": [_function(item) for item in manifest.entries(version.tool_manifest)],
    }


def _function(item: manifest.Entry) -> dict[str, str]:
    named = {name: item.get(name, "") for name in ("name", "access", "resource", "description")}
    rest = {name: value for name, value in item.items() if name not in {*named, "parameters"}}
    return named | {"parameters": _text(item.get("parameters", {})), "other": _text(rest)}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
