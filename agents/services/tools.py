"""Tools: the systems that agents depend on, ours or a third party's (S1-21)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from django.db import IntegrityError
from django.utils import timezone

from agents import permissions
from agents.choices import ToolKind
from agents.models import Person, ThirdParty, Tool
from agents.services import fields, locks
from audits.choices import Action
from audits.errors import Conflict
from audits.services import history
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse


@dataclass(frozen=True, slots=True)
class Facts:
    """What the register says about a tool besides its slug. Without a provider it is run by ourselves."""

    name: str
    kind: ToolKind
    endpoint: str
    jurisdictions: Sequence[str]
    provider: ThirdParty | None = None
    data_categories: Sequence[str] = ()

    @classmethod
    def of(cls, tool: Tool) -> Self:
        return cls(**{name: getattr(tool, name) for name in cls.__dataclass_fields__})

    @property
    def values(self) -> dict[str, Any]:
        """By field, with the lists as they are kept.

        Raises:
            Invalid: a jurisdiction is unknown, or there are too many data categories.
        """
        return {
            "name": self.name,
            "kind": str(self.kind),
            "endpoint": self.endpoint,
            "provider": self.provider,
            "jurisdictions": fields.countries(self.jurisdictions),
            "data_categories": fields.words(self.data_categories, field="data_categories"),
        }


def add(*, actor: Person, slug: str, facts: Facts) -> Tool:
    """Enter a tool.

    Raises:
        Invalid: a text is missing or too long, or the slug, the kind or a jurisdiction is not one.
        Denied: the actor keeps no tools; recorded.
        Conflict: the slug is taken, or the provider has ended.
    """
    values = facts.values
    made = Tool(slug=slug, added_by=actor.actor.ref, **values)
    fields.check(made, required=("slug", "name", "endpoint"))
    try:
        with attempt(action=Action.TOOL_ADDED, actor=actor.actor, stream=SYSTEM_STREAM, object="tools"):
            refuse(permissions.why_not_keep(actor, "agents.add_tool", "tools"))
            _require_live_provider(facts.provider)
            made.save(force_insert=True)
            history.record(
                changed=[made],
                stream=SYSTEM_STREAM,
                action=Action.TOOL_ADDED,
                actor=actor.actor,
                object=f"tool/{made.pk}",
                body={"slug": slug, **fields.told(values)},
            )
    except IntegrityError as error:
        raise Conflict(f"There is a tool {slug} already.", fields={"slug": "taken"}) from error
    return made


def change(*, actor: Person, tool: Tool, facts: Facts) -> Tool:
    """Say anew what the register says: it moved, it holds other data, somebody else runs it.

    Raises:
        Invalid: as `add`.
        Denied: the actor keeps no tools; recorded.
        Conflict: nothing differs, it has ended, or its new provider has.
    """
    values = facts.values
    with attempt(
        action=Action.TOOL_CHANGED, actor=actor.actor, stream=SYSTEM_STREAM, object=f"tool/{tool.pk}"
    ):
        refuse(permissions.why_not_keep(actor, "agents.change_tool", "tools"))
        held = locks.tool(tool.pk)
        _require_live(held)
        if facts.provider != held.provider:
            _require_live_provider(facts.provider)
        changed = fields.changes(held, values)
        fields.check(held, required=("name", "endpoint"))
        held.save(update_fields=list(changed))
        history.record(
            changed=[held],
            stream=SYSTEM_STREAM,
            action=Action.TOOL_CHANGED,
            actor=actor.actor,
            object=f"tool/{held.pk}",
            body={"slug": held.slug, "changed": changed},
        )
    return held


def end(*, actor: Person, tool: Tool, reason: str) -> Tool:
    """Nothing new depends on it from now on. What depends on it still says so until that is ended too.

    Raises:
        Invalid: no reason.
        Denied: the actor keeps no tools; recorded.
        Conflict: it has ended already.
    """
    said = fields.sentence(reason, field="reason")
    with attempt(action=Action.TOOL_ENDED, actor=actor.actor, stream=SYSTEM_STREAM, object=f"tool/{tool.pk}"):
        refuse(permissions.why_not_keep(actor, "agents.change_tool", "tools"))
        held = locks.tool(tool.pk)
        _require_live(held)
        held.ended_at = timezone.now()
        held.save(update_fields=["ended_at"])
        history.record(
            changed=[held],
            stream=SYSTEM_STREAM,
            action=Action.TOOL_ENDED,
            actor=actor.actor,
            object=f"tool/{held.pk}",
            body={"slug": held.slug, "reason": said},
        )
    return held


def _require_live(tool: Tool) -> None:
    if tool.ended_at is not None:
        raise Conflict(f"{tool} has ended. Add it anew, under another slug, if it is back.")


def _require_live_provider(provider: ThirdParty | None) -> None:
    if provider is not None and locks.third_party(provider.pk).ended_at is not None:
        message = f"{provider} has ended: it provides nothing new."
        raise Conflict(message, fields={"provider": message})
