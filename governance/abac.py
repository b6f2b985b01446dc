"""The shape of an ABAC request that the requirements give (S4-5), read into an AuthZEN evaluation.

Its principal is always an agent of the register: its slug, or the SPIFFE id of a running copy. Who answers
for the agent and what it wants it for are part of the question, and so is the moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance import access, authzen, manifest
from governance.authzen import Action, Entity, Evaluation, MalformedError

SHAPE = ("Principal", "Action_Requested", "Context_Attribute")
ATTRIBUTES = ("human_owner_id", "task_intent", "time_frame")


@dataclass(frozen=True, slots=True)
class Request:
    evaluation: Evaluation
    owner: str


def read(found: Mapping[str, Any]) -> Request:
    """
    Raises:
        MalformedError: one of the shape's fields is absent or malformed.
    """
    for name in SHAPE:
        if name not in found:
            raise MalformedError(f"{name} is missing.")
    attributes = found["Context_Attribute"]
    if not isinstance(attributes, dict):
        raise MalformedError("Context_Attribute is not an object.")
    for name in ATTRIBUTES:
        if not isinstance(attributes.get(name), str) or not attributes[name]:
            raise MalformedError(f"Context_Attribute.{name} is missing or not a string.")
    _check_moment(attributes["time_frame"])
    kind = access.AGENT_INSTANCE if str(found["Principal"]).startswith("spiffe://") else access.AGENT
    subject, action = {"type": kind, "id": found["Principal"]}, {"name": found["Action_Requested"]}
    asked = authzen.searched({"subject": subject, "action": action, "resource": {"type": "any"}}, "resource")
    context = {**attributes, "intent": attributes["task_intent"]}
    resource = _resource(asked.subject, asked.action, attributes.get("resource"))
    return Request(Evaluation(asked.subject, asked.action, resource, context), attributes["human_owner_id"])


def names_owner(request: Request) -> bool:
    """Whether the named person owns the agent; for an agent that is unknown nobody is wrong."""
    agent, _ = access.running_copy(request.evaluation.subject)
    return agent is None or request.owner in {str(agent.owner_id), agent.owner.username}


def _resource(subject: Entity, action: Action, given: object) -> Entity:
    """What `Context_Attribute.resource` names; without it, what the manifest says the action is for."""
    if given is None:
        _, instance = access.running_copy(subject)
        entry = manifest.entry(instance.version.tool_manifest, action.name) if instance else None
        given = entry["resource"] if entry else "none/none"
    kind, _, name = given.partition("/") if isinstance(given, str) else ("", "", "")
    return authzen.entity({"resource": {"type": kind, "id": name}}, "resource")


def _check_moment(text: str) -> None:
    """A moment, or two with a slash between them (ISO 8601)."""
    try:
        for part in text.split("/"):
            datetime.fromisoformat(part)
    except ValueError as error:
        raise MalformedError(
            "Context_Attribute.time_frame is no moment such as 2025-10-15T14:00Z."
        ) from error
