"""What the resource catalogue says of a concrete resource (S2-4), and which exceptions are live (S1-8)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from audits.prepared import select
from governance import resource_pattern
from governance.choices import Sensitivity
from governance.models import Resource, ScopeException
from governance.sensitivity import Snapshot


@dataclass(frozen=True, slots=True)
class Known:
    """The strictest that the catalogue says of one resource, where several of its entries mean it."""

    sensitivity: Sensitivity
    personal_data: bool


class ResourceCatalogue:
    """What the approvers of a write are told of its resource, and whether that still holds at its use."""

    def snapshot(self, resource: str) -> Snapshot:
        known = of(resource)
        return {"sensitivity": known.sensitivity.value, "personal_data": known.personal_data} if known else {}

    def is_more_sensitive(self, before: Snapshot, resource: str) -> bool:
        """A resource that nobody knew counts as public: what is learnt of it later is more."""
        known = of(resource)
        if known is None:
            return False
        order = Sensitivity.values
        then = order.index(str(before.get("sensitivity", Sensitivity.PUBLIC.value)))
        worse = order.index(known.sensitivity.value) > then
        return worse or (known.personal_data and before.get("personal_data") is not True)


# The entry of a resource, and every pattern of its type. In SQL: decisions ask it.
_MEANT = (
    "ended_at IS NULL AND type = %s "
    "AND (identifier = %s OR identifier LIKE '%%{%%' OR identifier LIKE '%%*%%')"
)


def live_resources() -> QuerySet[Resource]:
    return Resource.objects.filter(ended_at__isnull=True)


def of(reference: str) -> Known | None:
    """What is known of the resource `type/id`, or of the class `type/*`; None where no entry means it."""
    found = _meaning(reference)
    if not found:
        return None
    order = Sensitivity.values
    highest = max((row.sensitivity for row in found), key=order.index)
    return Known(Sensitivity(highest), any(row.personal_data for row in found))


def _meaning(reference: str) -> list[Resource]:
    """The entries that mean a resource, or any resource of a class."""
    type_, _, identifier = reference.partition("/")
    if resource_pattern.ANYTHING in identifier:
        entries = live_resources().filter(type=type_)
        return [row for row in entries if resource_pattern.meet(row.reference, reference)]
    rows = select(Resource, _MEANT, type_, identifier)
    return [row for row in rows if resource_pattern.covers(row.reference, reference)]


def sensitivity_of(reference: str) -> Sensitivity | None:
    """How sensitive the resource `type/id` is now; None where the catalogue does not know it.

    Whoever approved access to something may compare it at use with what it was then.
    """
    known = of(reference)
    return known.sensitivity if known else None


def live_exceptions(at: datetime | None = None) -> QuerySet[ScopeException]:
    return ScopeException.objects.filter(ended_at__isnull=True, until__gt=at or timezone.now())


def exceptions_for(references: Iterable[str]) -> dict[str, ScopeException]:
    """By reference, the live exception that lasts longest."""
    rows = live_exceptions().filter(reference__in=list(references)).order_by("until")
    return {row.reference: row for row in rows}
