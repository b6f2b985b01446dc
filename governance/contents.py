"""What people approve, as exact bytes: the dossier of a version, the wording of a write elevation.

A content is an object in the ledger's canonical profile (RFC 8785). Two parts of it are told apart:

- what is *described* (agent, people, version, risk, functions): it is read again from the database
  whenever it matters, and has to come out as the same bytes (promise 4);
- what was *frozen* with the request (`FROZEN`: the rule and limits, who is excluded, who asked, how the
  gates of the deployment checklist stood): later changes of a risk class cannot touch it.

Foreign JSON (a function's parameter schema, a model's arguments) has keys and numbers outside the
profile; it is embedded as text, sorted by key. People appear by id and user name: a change of the name
that is shown does not change what was approved.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import orjson

from agents.approved_entry import ApprovedEntry
from agents.choices import Access
from agents.models import Agent, AgentVersion, Person
from audits import canonical
from audits.formats import timestamp
from governance import active_policy, manifest, pdp, sensitivity
from governance.models import Approval, ChangeRequest, Elevation, RiskAssessment, RiskClass
from governance.quorum import Rule

Content = dict[str, Any]

FROZEN = ("terms", "excluded", "requested_by", "change", "gates")
# What an agent is and runs. Where one of these is not what was approved, the approval is worth nothing;
# where others were edited since, through the product, the agent may still read.
BUILD = frozenset({"v", "kind", "agent.id", "agent.slug", "version", "reads", "writes"})


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
        now = to_bytes(described | {name: content[name] for name in FROZEN if name in content})
    except ValueError:
        return False
    return now == approval.content.encode()


def edited_parts(approval: Approval, described: Content) -> list[str] | None:
    """What of an approved content is described otherwise now, part by part: `agent.purpose`, `owner`.

    None where the approval's own bytes were altered, or something in `described` cannot be written.
    """
    if not is_intact(approval):
        return None
    content = read(approval)
    try:
        return sorted(
            part
            for part, now, then in _parts(described, content)
            if to_bytes({"part": now}) != to_bytes({"part": then})
        )
    except ValueError:
        return None


def _parts(described: Content, content: Content) -> Iterable[tuple[str, Any, Any]]:
    """Each part of both, with what it is now and what it was; the agent's own fields one by one."""
    names = {*described, *content} - {*FROZEN, "agent"}
    yield from ((name, described.get(name), content.get(name)) for name in names)
    now, then = described["agent"], content["agent"]
    yield from ((f"agent.{name}", now.get(name), then.get(name)) for name in {*now, *then})


def is_put_back(approval: Approval, entry: ApprovedEntry, part: str) -> bool:
    """Whether writing `entry` into the register makes this part what was approved."""
    content = read(approval)
    if part == "deputies":
        return {person["id"] for person in content["deputies"]} == {str(row.pk) for row in entry.deputies}
    if part == "sponsor":
        approved = content["sponsor"]
        return (approved["id"] if approved else None) == (str(entry.sponsor.pk) if entry.sponsor else None)
    return part.removeprefix("agent.") in entry.fields if part.startswith("agent.") else False


def terms(risk_class: RiskClass) -> dict[str, Any]:
    """What the class demands, to be frozen with a dossier: its votes, its writes, its credentials."""
    return {
        "rule": dossier_rule(risk_class).frozen(),
        "writes": {
            "rule": elevation_rule(risk_class).frozen(),
            "max_minutes": risk_class.elevation_max_minutes,
        },
        "credential_max_seconds": risk_class.credential_max_seconds,
        "rollout_steps": risk_class.rollout_steps,
    }


def dossier_rule(risk_class: RiskClass) -> Rule:
    return Rule(seats=tuple(risk_class.seats), quorum=risk_class.quorum, veto=risk_class.veto)


def elevation_rule(risk_class: RiskClass) -> Rule:
    return Rule(
        seats=tuple(risk_class.elevation_seats), quorum=risk_class.elevation_quorum, veto=risk_class.veto
    )


def frozen(
    *,
    terms: dict[str, Any],
    agent: Agent,
    requester: Person,
    authors: Iterable[Person] = (),
    change: ChangeRequest | None = None,
    gates: list[dict[str, Any]] | None = None,
) -> Content:
    """The frozen part: who asked, under which terms, who may not vote on it (promise 5), what changes.

    A dossier says how the gates of the deployment checklist stood (S1-27).
    """
    people = {str(person.pk) for person in (requester, *authors)} | people_wanting(agent)
    found: Content = {
        "terms": terms,
        "excluded": sorted(people),
        "requested_by": _person(requester),
        "change": _change(change) if change else None,
    }
    return found if gates is None else found | {"gates": gates}


def _change(change: ChangeRequest) -> Content:
    texts = ("summary", "impact", "monitoring_plan", "rollback_plan")
    return {
        "id": str(change.pk),
        "kinds": change.kinds,
        **{name: getattr(change, name) for name in texts},
        "requested_by": _person(change.requested_by),
    }


def people_answering_for(agent: Agent) -> set[str]:
    """Ids of the owner and the deputies as they are now."""
    return {str(agent.owner_id), *(str(person.pk) for person in agent.deputies.all())}


def people_wanting(agent: Agent) -> set[str]:
    """Ids of those who answer for it, and of its sponsor: none of them votes on it (promise 5)."""
    return people_answering_for(agent) | ({str(agent.sponsor_id)} if agent.sponsor_id else set())


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
            "problem_class": agent.problem_class,
            "environment": agent.environment,
            "autonomy": agent.autonomy,
            "data_categories": agent.data_categories,
            "jurisdictions": agent.jurisdictions,
            "frameworks": agent.frameworks,
            "runbook": agent.runbook,
            "monitoring_plan": agent.monitoring_plan,
        },
        **_answering_for(agent),
        "version": {**_version(version), **_provenance(version)},
        "risk": {
            "answers": assessment.answers,
            "score": assessment.score,
            "level": assessment.risk_class_id,
            "computed": assessment.computed,
        },
        "reads": manifest.of_access(functions, Access.READ),
        "writes": manifest.of_access(functions, Access.WRITE),
    }


def policy() -> Content:
    """Which rules decide now: the pipeline's version, and the active policies with their SHA-256."""
    active = active_policy.active()
    return {
        "pipeline": pdp.VERSION,
        "version": active.label if active else "none",
        "sha256": active.sha256 if active else "",
    }


def elevation(elevation: Elevation, agent: Agent) -> Content:
    """The described part of a write elevation, bound to the version, the policies and the resource as now."""
    version = agent.active_version
    proposal = elevation.proposal
    return {
        "v": 2,
        "kind": "elevation",
        "id": str(elevation.pk),
        "revision": elevation.revision,
        "asked_by": elevation.asked_by.spiffe_id if elevation.asked_by else None,
        "agent": {"id": str(agent.pk), "slug": agent.slug, "name": agent.name},
        **_answering_for(agent),
        "version": _version(version) if version else None,
        "dossier": agent.approved_digest,
        "action": elevation.action,
        "resource": elevation.resource,
        "intent": elevation.intent,
        "minutes": elevation.minutes,
        "uses": elevation.uses,
        "latest_end": timestamp(elevation.latest_end) if elevation.latest_end else None,
        "call_digest": elevation.call_digest,
        "policy": policy(),
        "snapshot": sensitivity.snapshot(elevation.resource),
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


def risk_override(assessment: RiskAssessment, agent: Agent, level: str, reason: str) -> Content:
    """The described part of a request for another class than the one that the agent has."""
    return {
        "v": 1,
        "kind": "risk_override",
        "agent": {"id": str(agent.pk), "slug": agent.slug, "name": agent.name},
        **_answering_for(agent),
        "assessment": {
            "id": str(assessment.pk),
            "answers": assessment.answers,
            "score": assessment.score,
            "computed": assessment.computed,
            "level": assessment.risk_class_id,
        },
        "level": level,
        "reason": reason,
    }


def _answering_for(agent: Agent) -> Content:
    deputies: Iterable[Person] = agent.deputies.order_by("pk")
    return {
        "owner": _person(agent.owner),
        "deputies": [_person(deputy) for deputy in deputies],
        "sponsor": _person(agent.sponsor) if agent.sponsor else None,
    }


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
