"""Reading governed rows and their history; what the database refuses to do to it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from audits import canonical, formats
from audits.canonical import JSON
from audits.choices import Action
from audits.evidence import Artefact, Scope
from audits.models.history import GOVERNED, Governed
from audits.triggers import Guard

__all__ = [
    "GOVERNED",
    "KEPT",
    "Governed",
    "Now",
    "artefacts",
    "differences",
    "guards",
    "now",
    "of",
    "rows_of",
    "states",
]

KEPT = ("number", "event_id", "history_date")
_CHUNK = 500
# What agents do by the thousand: these change no governed row, so their payloads are not searched for one.
UNGOVERNED = frozenset(
    {
        Action.INSTANCE_STARTED,
        Action.INSTANCE_ENDED,
        Action.CREDENTIAL_MINTED,
        Action.CREDENTIAL_USED,
        Action.CREDENTIAL_REFUSED,
        Action.DECISION_SEARCHED,
        Action.SECRET_READ,
        Action.ENFORCEMENT_POINT_REFUSED,
        Action.ENFORCEMENT_POINT_ACKNOWLEDGED,
        Action.ENFORCEMENT_POINT_PROBE_STARTED,
        Action.ENFORCEMENT_POINT_PROBED,
        Action.SCIM_CLIENT_REFUSED,
        Action.PIPELINE_REFUSED,
        Action.TEST_RECORDED,
        Action.GATE_ASKED,
        Action.REPORT_INGESTED,
        Action.RUN_QUEUED,
        Action.RUN_STARTED,
        Action.RUN_ENDED,
        Action.MODEL_ANSWERED,
        Action.FUNCTION_CALLED,
        Action.FINDING_ASSESSED,
        Action.TICKET_OPENED,
        Action.TICKET_NOTED,
        Action.EGRESS_ATTEMPTED,
        Action.EGRESS_ENDED,
        Action.EGRESS_PRUNED,
        Action.EGRESS_ANOMALY_FOUND,
        Action.EGRESS_ANOMALY_CLOSED,
        Action.BREAKER_OPENED,
        Action.BREAKER_HALF_OPENED,
        Action.BREAKER_CLOSED,
        Action.OUTCOME_RECORDED,
    }
)
# The payload that commits to the row is gone: redacted, its key destroyed, or pruned with its event.
_UNPROVABLE = (
    "EXISTS (SELECT 1 FROM audits_redaction WHERE audits_redaction.event_id = OLD.event_id) "
    "OR EXISTS (SELECT 1 FROM audits_body JOIN audits_destroyedkey "
    "ON audits_destroyedkey.key_id = audits_body.body_key WHERE audits_body.event_id = OLD.event_id) "
    "OR NOT EXISTS (SELECT 1 FROM audits_event WHERE audits_event.id = OLD.event_id)"
)


def guards() -> list[Guard]:
    """History is append-only; a row goes once the payload that commits to it is gone."""
    return [
        Guard(
            governed.rows._meta.db_table,  # noqa: SLF001 - public in Django, whatever its name
            "Field history is append-only",
            unique=(("history_id",), (_column(governed), "number")),
            may_delete=_UNPROVABLE,
        )
        for governed in GOVERNED.values()
    ]


def _column(governed: Governed) -> str:
    return str(governed.model._meta.pk.column)  # noqa: SLF001 - as above


@dataclass(frozen=True, slots=True)
class Now:
    """A governed row as it stands in the database; `number` is that of its newest history, or 0."""

    row: Any
    related: dict[str, list[str]]
    number: int


def of(instance: Any) -> Governed:
    """
    Raises:
        KeyError: rows of this model have no history.
    """
    return GOVERNED[instance._meta.label_lower]  # noqa: SLF001 - public in Django, whatever its name


def now(governed: Governed, keys: Iterable[Any]) -> dict[Any, Now]:
    """These rows, by key, in one query and one more for each many-to-many field."""
    wanted = list(keys)
    newest = governed.rows.objects.filter(**{governed.key: OuterRef("pk")}).order_by("-number")
    rows = governed.model._base_manager.filter(pk__in=wanted)  # noqa: SLF001 - as above
    found = rows.annotate(history_number=Subquery(newest.values("number")[:1]))
    related = _related(governed, wanted)
    return {row.pk: Now(row, related[row.pk], row.history_number or 0) for row in found}


def differences(governed: Governed, found: Now, newest: Any) -> list[str]:
    """The names of the fields in which a row differs from the newest row of its history."""
    mine, kept = governed.values_of(found.row), governed.values_of(newest)
    different = [name for name in mine if mine[name] != kept[name]]
    return different + [name for name in found.related if found.related[name] != newest.related.get(name)]


def rows_of(governed: Governed, instance: Any) -> "QuerySet[Any]":
    """The history of one row, newest first, with its events."""
    rows = governed.rows.objects.filter(**{governed.key: instance.pk})
    found: QuerySet[Any] = rows.select_related("event__body").order_by("-number")
    return found


def states(rows: "QuerySet[Any]", scope: Scope) -> "QuerySet[Any]":
    """The history of these governed rows up to the end of the scope, in order; `KEPT` says which state it is,
    which event told of it, and when."""
    governed = GOVERNED[rows.model._meta.label_lower]  # noqa: SLF001 - as above
    kept: QuerySet[Any] = governed.rows.objects.filter(
        **{f"{governed.key}__in": rows.order_by().values("pk")}
    )
    kept = kept.filter(history_date__lt=scope.until) if scope.until else kept
    return kept.order_by(governed.key, "number")


def artefacts(rows: "QuerySet[Any]", scope: Scope) -> Iterator[Artefact]:
    """`history/<model>/<id>.json` for each of these governed rows: what it was, up to the end of the scope.

    Each of its `rows` has the `event` that commits to it, the `digest` that stands in that event's payload,
    and the `record` of which this is the SHA-256 in canonical JSON.
    """
    governed = GOVERNED[rows.model._meta.label_lower]  # noqa: SLF001 - as above
    kept = governed.rows.objects.filter(**{f"{governed.key}__in": rows.values("pk")})
    if scope.until:
        kept = kept.filter(history_date__lt=scope.until)
    for key, history in groupby(kept.order_by(governed.key, "number").iterator(_CHUNK), governed.pk_of):
        content: dict[str, JSON] = {
            "model": governed.label,
            "id": str(key),
            "rows": [_line(governed, row) for row in history],
        }
        yield Artefact(f"history/{governed.label}/{key}.json", canonical.dumps(content))


def _line(governed: Governed, row: Any) -> dict[str, JSON]:
    return {
        "at": formats.timestamp(row.history_date),
        "event": str(row.event_id),
        "digest": governed.digest_of(row),
        "record": governed.record_of(row),
    }


def _related(governed: Governed, keys: list[Any]) -> dict[Any, dict[str, list[str]]]:
    related: dict[Any, dict[str, list[str]]] = defaultdict(lambda: {name: [] for name in governed.many})
    for name, paths in governed.many.items():
        for key, text in _names(governed, name, paths, keys):
            related[key][name].append(text)
    for lists in related.values():
        for texts in lists.values():
            texts.sort()
    return related


def _names(
    governed: Governed, name: str, paths: tuple[str, ...], keys: list[Any]
) -> Iterator[tuple[Any, str]]:
    field: Any = governed.model._meta.get_field(name)  # noqa: SLF001 - as above
    here, there = field.m2m_field_name(), field.m2m_reverse_field_name()
    rows = field.remote_field.through._base_manager.filter(**{f"{here}__in": keys})  # noqa: SLF001 - as above
    for key, *parts in rows.values_list(f"{here}_id", *(f"{there}__{path}" for path in paths)):
        yield key, ".".join(map(str, parts))
