"""Third parties that agents depend on: contract, jurisdictions, protections and assessments (S1-21)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Self

from django.db import IntegrityError
from django.utils import timezone

from agents import permissions
from agents.models import Person, ThirdParty
from agents.services import fields, locks
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse


@dataclass(frozen=True, slots=True)
class Facts:
    """What the register says about a third party besides its slug."""

    name: str
    provides: str
    jurisdictions: Sequence[str]
    assess_again_by: date
    contract_reference: str = ""
    contract_ends_on: date | None = None
    protections: str = ""
    contact: str = ""
    assessed_on: date | None = None
    high_risk: bool = False
    penetration_tested_on: date | None = None
    code_reviewed_on: date | None = None
    remediation_plan: str = ""

    @classmethod
    def of(cls, third_party: ThirdParty) -> Self:
        return cls(**{name: getattr(third_party, name) for name in cls.__dataclass_fields__})

    @property
    def values(self) -> dict[str, Any]:
        """By field, with the jurisdictions as they are kept.

        Raises:
            Invalid: a jurisdiction is unknown, or something was done in the future.
        """
        self._require_past("assessed_on", "penetration_tested_on", "code_reviewed_on")
        if self.assessed_on and self.assess_again_by <= self.assessed_on:
            message = "The next assessment is due after the last one."
            raise Invalid(message, fields={"assess_again_by": message})
        return asdict(self) | {"jurisdictions": fields.countries(self.jurisdictions)}

    def _require_past(self, *names: str) -> None:
        today = timezone.now().date()
        late = {name: "is in the future" for name in names if (day := getattr(self, name)) and day > today}
        if late:
            raise Invalid(" ".join(f"{name}: {problem}" for name, problem in late.items()), fields=late)


def add(*, actor: Person, slug: str, facts: Facts) -> ThirdParty:
    """Enter a third party.

    Raises:
        Invalid: a text is missing or too long, the slug or a jurisdiction is not one, or a date cannot be.
        Denied: the actor keeps no third parties; recorded.
        Conflict: the slug is taken.
    """
    values = facts.values
    made = ThirdParty(slug=slug, added_by=actor.actor.ref, **values)
    fields.check(made, required=("slug", "name", "provides"))
    try:
        with attempt(
            action=Action.THIRD_PARTY_ADDED, actor=actor.actor, stream=SYSTEM_STREAM, object="third_parties"
        ):
            refuse(permissions.why_not_keep(actor, "agents.add_thirdparty", "third parties"))
            made.save(force_insert=True)
            history.record(
                changed=[made],
                stream=SYSTEM_STREAM,
                action=Action.THIRD_PARTY_ADDED,
                actor=actor.actor,
                object=f"third_party/{made.pk}",
                body={"slug": slug, **fields.told(values)},
            )
    except IntegrityError as error:
        raise Conflict(f"There is a third party {slug} already.", fields={"slug": "taken"}) from error
    return made


def change(*, actor: Person, third_party: ThirdParty, facts: Facts) -> ThirdParty:
    """Say anew what the register says: a new contract, an assessment that was made, a plan to mend.

    Raises:
        Invalid: as `add`.
        Denied: the actor keeps no third parties; recorded.
        Conflict: nothing differs, or it has ended.
    """
    values = facts.values
    with attempt(
        action=Action.THIRD_PARTY_CHANGED,
        actor=actor.actor,
        stream=SYSTEM_STREAM,
        object=f"third_party/{third_party.pk}",
    ):
        refuse(permissions.why_not_keep(actor, "agents.change_thirdparty", "third parties"))
        held = locks.third_party(third_party.pk)
        _require_live(held)
        changed = fields.changes(held, values)
        fields.check(held, required=("name", "provides"))
        held.save(update_fields=list(changed))
        history.record(
            changed=[held],
            stream=SYSTEM_STREAM,
            action=Action.THIRD_PARTY_CHANGED,
            actor=actor.actor,
            object=f"third_party/{held.pk}",
            body={"slug": held.slug, "changed": changed},
        )
    return held


def end(*, actor: Person, third_party: ThirdParty, reason: str) -> ThirdParty:
    """Nothing new depends on it from now on. What depends on it still says so until that is ended too.

    Raises:
        Invalid: no reason.
        Denied: the actor keeps no third parties; recorded.
        Conflict: it has ended already.
    """
    said = fields.sentence(reason, field="reason")
    with attempt(
        action=Action.THIRD_PARTY_ENDED,
        actor=actor.actor,
        stream=SYSTEM_STREAM,
        object=f"third_party/{third_party.pk}",
    ):
        refuse(permissions.why_not_keep(actor, "agents.change_thirdparty", "third parties"))
        held = locks.third_party(third_party.pk)
        _require_live(held)
        held.ended_at = timezone.now()
        held.save(update_fields=["ended_at"])
        history.record(
            changed=[held],
            stream=SYSTEM_STREAM,
            action=Action.THIRD_PARTY_ENDED,
            actor=actor.actor,
            object=f"third_party/{held.pk}",
            body={"slug": held.slug, "reason": said},
        )
    return held


def _require_live(third_party: ThirdParty) -> None:
    if third_party.ended_at is not None:
        raise Conflict(f"{third_party} has ended. Add it anew, under another slug, if it is back.")
