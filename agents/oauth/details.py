"""What a token is asked for: one task, one action, one place (RFC 9396). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from agents import strict_json
from agents.oauth.errors import invalid_authorization_details

TYPE = "agent_task"
MEMBERS = frozenset({"type", "actions", "locations", "identifier", "intent", "task", "digest"})
MAX_ACTION, MAX_LOCATION, MAX_IDENTIFIER, MAX_INTENT = 100, 200, 300, 2000
DIGEST_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Task:
    """One authorization detail of type `agent_task`.

    `digest` is the SHA-256 of function, resource and arguments of a write that people approved exactly.
    """

    action: str
    location: str
    identifier: str
    intent: str
    task: UUID | None
    digest: str


def read(text: str) -> Task:
    """The one detail of a request.

    Raises:
        OAuthError: `invalid_authorization_details`, with what is wrong.
    """
    try:
        found = strict_json.loads(text)
    except strict_json.StrictJSONError as error:
        raise invalid_authorization_details(f"authorization_details is not JSON: {error}.") from error
    if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], dict):
        raise invalid_authorization_details("Ask for exactly one task: a list with one object.")
    detail: Mapping[str, Any] = found[0]
    if detail.get("type") != TYPE:
        raise invalid_authorization_details(f"The type of the detail is {TYPE}.")
    if unknown := sorted(detail.keys() - MEMBERS):
        raise invalid_authorization_details(f"Unknown: {', '.join(unknown)[:200]}.")
    return Task(
        action=_only(detail, "actions", MAX_ACTION),
        location=_only(detail, "locations", MAX_LOCATION),
        identifier=_text(detail.get("identifier"), "identifier", MAX_IDENTIFIER),
        intent=_text(detail.get("intent"), "intent", MAX_INTENT),
        task=_task(detail.get("task")),
        digest=_digest(detail.get("digest", "")),
    )


def _only(detail: Mapping[str, Any], name: str, longest: int) -> str:
    """A credential is for one action in one place: a list of one."""
    values = detail.get(name)
    if not isinstance(values, list) or len(values) != 1:
        raise invalid_authorization_details(f"{name} is a list of one text: a token is for one of them.")
    return _text(values[0], name, longest)


def _text(value: object, name: str, longest: int) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise invalid_authorization_details(f"{name} is a text of 1 to {longest} characters.")
    return strict_json.storable_text(value)


def _task(value: object) -> UUID | None:
    if value is None:
        return None
    try:
        return UUID(value) if isinstance(value, str) else _no_task()
    except ValueError:
        return _no_task()


def _no_task() -> UUID:
    raise invalid_authorization_details("task is a UUID, or left out.")


def _digest(value: object) -> str:
    if not isinstance(value, str) or (value and len(value) != DIGEST_LENGTH):
        raise invalid_authorization_details("digest is a SHA-256 in hex, or left out.")
    return value
