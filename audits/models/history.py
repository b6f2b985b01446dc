"""Field history: what a governed row was after each change, for people to read (django-simple-history).

A row of history is written by `audits.services.history.record` alone, in the transaction of the change,
and the event that tells of the change commits to it by digest. Who and when are the event's.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db import models
from simple_history.models import HistoricalRecords

from audits import canonical, formats
from audits.canonical import JSON
from audits.models.base import new_id

Plain = dict[str, JSON]


class HistoryRow(models.Model):
    """What every table of history has besides the fields that it follows."""

    number = models.PositiveIntegerField(help_text="1, 2, 3 … of the row that it is the history of.")
    # No database constraint: evidence is never held back by what points at it.
    event = models.ForeignKey(
        "audits.Event", on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    related = models.JSONField(default=dict, help_text="Many-to-many fields: names or ids, sorted.")

    class Meta:
        abstract = True


@dataclass(frozen=True, slots=True)
class Governed:
    """A model whose rows have a history.

    `stream` names the ledger stream that tells of a row, and `kind` is what the ledger calls one. `many`
    are the many-to-many fields that are followed, each with the paths that name what it points at.
    `shipped` gives the values with which a row comes with the product: as long as it has them it needs no
    history.
    """

    model: type[models.Model]
    rows: type[Any]
    stream: Callable[[Any], str]
    kind: str
    many: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shipped: Callable[[Any], Mapping[str, Any] | None] | None = None

    @property
    def label(self) -> str:
        """For example ``agents.agent``."""
        return str(self.model._meta.label_lower)  # noqa: SLF001 - public in Django, whatever its name

    @property
    def key(self) -> str:
        """The name of the model's primary key, which the history repeats."""
        return str(self.model._meta.pk.name)  # noqa: SLF001 - as above

    @property
    def fields(self) -> "list[models.Field[Any, Any]]":
        """The fields that are followed."""
        return list(self.rows.tracked_fields)

    def pk_of(self, row: Any) -> Any:
        """Of which governed row this is the history."""
        return getattr(row, self.key)

    def values_of(self, row: Any) -> Plain:
        """The followed fields of a governed row, or of a row of its history, in the ledger's JSON."""
        return {each.name: plain(getattr(row, each.attname)) for each in self.fields}

    def record_of(self, row: Any) -> Plain:
        """What the digest of a row of history covers."""
        return {
            "row": str(row.history_id),
            "model": self.label,
            "id": str(self.pk_of(row)),
            "number": row.number,
            "type": row.history_type,
            "fields": self.values_of(row),
            "related": row.related,
        }

    def digest_of(self, row: Any) -> str:
        """SHA-256 of the canonical JSON of `record_of`, in hex."""
        return canonical.digest(self.record_of(row))


def plain(value: Any) -> JSON:
    """A field's value in the ledger's JSON profile; JSON of others is its own sorted text in it."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= canonical.MAX_INTEGER else str(value)
    if isinstance(value, datetime):
        return formats.timestamp(value)
    if isinstance(value, list | dict | float):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return str(value)


GOVERNED: dict[str, Governed] = {}
"""By label. Every model that has a `FieldHistory` is here."""


class FieldHistory(HistoricalRecords):  # type: ignore[misc]
    """The history of a model: put it into the model as ``history``.

    django-simple-history writes on signals, which `QuerySet.update` does not send. Here they do
    nothing: one writer, which reads the row as it stands in the database.
    """

    def __init__(
        self,
        *,
        stream: Callable[[Any], str],
        kind: str = "",
        many: Mapping[str, tuple[str, ...]] | None = None,
        shipped: Callable[[Any], Mapping[str, Any] | None] | None = None,
        without: tuple[str, ...] = (),
    ) -> None:
        """`without` are the fields that are not followed; the other arguments are those of `Governed`."""
        super().__init__(
            bases=(HistoryRow,),
            excluded_fields=list(without),
            history_id_field=models.UUIDField(default=new_id),
        )
        self._governed = partial(Governed, stream=stream, many=many or {}, shipped=shipped)
        self._kind = kind

    def finalize(self, sender: type[models.Model], **options: Any) -> None:
        super().finalize(sender, **options)
        if sender is self.cls:
            rows = getattr(sender, self.manager_name).model
            kind = self._kind or str(sender._meta.model_name)  # noqa: SLF001 - as above
            governed = self._governed(model=sender, rows=rows, kind=kind)
            GOVERNED[governed.label] = governed

    def copy_fields(self, model: type[models.Model]) -> dict[str, Any]:
        """Without the indexes of the model: history is looked up by row and by event alone."""
        fields: dict[str, Any] = super().copy_fields(model)
        for copied in fields.values():
            copied.db_index = False
        return fields

    def get_extra_fields(self, model: type[models.Model], fields: dict[str, Any]) -> dict[str, Any]:
        """Without who and why: the event says so, once."""
        extra: dict[str, Any] = super().get_extra_fields(model, fields)
        del extra["history_change_reason"]
        return extra

    def _get_history_user_fields(self) -> dict[str, Any]:
        return {}

    def get_meta_options(self, model: type[models.Model]) -> dict[str, Any]:
        options: dict[str, Any] = super().get_meta_options(model)
        key = model._meta.pk.name  # noqa: SLF001 - as above
        name = f"one_{model._meta.model_name}_of_a_number"  # noqa: SLF001 - as above
        return options | {
            "ordering": (key, "-number"),
            "get_latest_by": "number",
            "constraints": (models.UniqueConstraint(fields=(key, "number"), name=name),),
            "default_permissions": (),
        }

    # --- Signals: one way to write is enough --------------------------------------------------------------
    def post_save(self, *_arguments: Any, **_options: Any) -> None:
        """Nothing: see the class."""

    def post_delete(self, *_arguments: Any, **_options: Any) -> None:
        """Nothing: see the class."""

    def pre_delete(self, *_arguments: Any, **_options: Any) -> None:
        """Nothing: see the class."""
