"""How long events are kept: the longest of their frameworks' rules (S3-7)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from audits import permissions
from audits.actor import Actor
from audits.choices import Action
from audits.defaults import DEFAULT_RULE
from audits.errors import Conflict, Invalid
from audits.models import Event, RetentionRule
from audits.services import history
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from audits.services.cases import required

LONGEST_DAYS = 36_500
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules as they are now, by framework; the one without a name is the default."""

    days: Mapping[str, int]

    def days_of(self, frameworks: Iterable[str]) -> int:
        """The longest of the rules; a framework without one, and none at all, follow the default."""
        default = self.days[DEFAULT_RULE]
        return max((self.days.get(normalised(name), default) for name in frameworks), default=default)

    def kept_until(self, moment: datetime, frameworks: Iterable[str]) -> datetime:
        """Until when an event of that time and those frameworks is kept, unless a hold keeps it longer."""
        return moment + timedelta(days=self.days_of(frameworks))

    @property
    def shortest(self) -> timedelta:
        return timedelta(days=min(self.days.values()))


def rules() -> Rules:
    """
    Raises:
        Conflict: the default has no row.
    """
    days = dict(RetentionRule.objects.values_list("framework", "days"))
    if DEFAULT_RULE not in days:
        raise Conflict("The default rule of retention has no row. Run `manage.py migrate` to restore it.")
    return Rules(days)


def kept_until(event: Event) -> datetime:
    """Until when `event` is kept by the rules of today; a hold keeps it longer.

    Raises:
        Conflict: the default has no row.
    """
    return rules().kept_until(event.time, filter(None, event.frameworks.split(",")))


def normalised(framework: str) -> str:
    """`PCI DSS`, `pci-dss` and `PCI_DSS` are one framework."""
    return re.sub(r"[^A-Z0-9]+", "_", framework.upper()).strip("_")


def change(
    *, actor: Actor, framework: str, days: int, source: str, reason: str, note: str = ""
) -> RetentionRule:
    """Set how long events of a framework are kept; `DEFAULT` is the rule of all others.

    Raises:
        Denied: the actor may not; recorded.
        Invalid: days, source or reason do not hold; `fields` says which.
    """
    name = normalised(framework)
    said = required(reason, "reason", "Say why the rule changes.")
    origin = required(source, "source", "Say where the figure comes from.")
    if not 0 < len(name) <= LONGEST_NAME:
        raise Invalid("Name a framework such as PCI_DSS.", fields={"framework": "no name"})
    if not 1 <= days <= LONGEST_DAYS:
        raise Invalid(f"Keep events for 1 to {LONGEST_DAYS} days.", fields={"days": "out of range"})
    object_ = f"retention/{name}"
    with attempt(action=Action.RETENTION_CHANGED, actor=actor, stream=SYSTEM_STREAM, object=object_):
        refuse(permissions.why_not_change_retention(actor))
        old = RetentionRule.objects.select_for_update().filter(pk=name).first()
        rule, _made = RetentionRule.objects.update_or_create(
            framework=name, defaults={"days": days, "source": origin, "note": note.strip()}
        )
        history.record(
            changed=[rule],
            stream=SYSTEM_STREAM,
            action=Action.RETENTION_CHANGED,
            actor=actor,
            object=object_,
            body={
                "framework": name,
                "before": {"days": old.days, "source": old.source, "note": old.note} if old else None,
                "after": {"days": days, "source": origin, "note": rule.note},
                "reason": said,
            },
        )
    return rule
