"""The history of a governed row on its page: who, when, and what changed, field by field."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import Field, Model
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audits import history
from audits.admin.looking import why_not_shown
from audits.admin.references import is_uuid
from audits.admin.sections import Section
from audits.admin.show import (
    EMPTY,
    show_digest,
    show_facts,
    show_folded,
    show_foreign,
    show_json,
    show_link,
    show_list,
    show_time,
)
from audits.admin.sight import Sight
from audits.history import Governed
from audits.models import Event

DIGEST = 64
LONG = 120
Names = Mapping[tuple[type[Model], str], object]


@dataclass(frozen=True, slots=True)
class Change:
    """One row of history for one reader; `event` is None for those who may not read the ledger."""

    row: Any
    who: str
    event: Event | None
    what: SafeString


def history_sections(model: type[Model], origins: Mapping[str, str]) -> tuple[Section, ...]:
    """The section of a governed model; none for others. `origins` says whose words a field holds."""
    governed = history.GOVERNED.get(model._meta.label_lower)  # noqa: SLF001 - public in Django
    if governed is None:
        return ()
    return (
        Section(
            name="history",
            title="History",
            model=model,
            rows=lambda instance: history.rows_of(governed, instance),
            columns={
                "When": lambda change: show_time(change.row.history_date),
                "Who": lambda change: change.who,
                "What": lambda change: change.what,
                "Event": lambda change: show_link(change.event) if change.event else EMPTY,
            },
            empty="No change of it was recorded.",
            prepared=lambda rows, request: _changes(governed, origins, rows, request),
            withheld=lambda request: why_not_shown(
                request,
                about="history",  # not the row: what its readers did is no part of its own story
                permission=_view_permission(model),
                part="history",
            ),
        ),
    )


def _changes(
    governed: Governed, origins: Mapping[str, str], rows: list[Any], request: HttpRequest
) -> list[Change]:
    """A page of rows, newest first, each compared with the one before it."""
    if not rows:
        return []
    before = [*rows[1:], _before(governed, rows[-1])]
    show = _Values(governed, origins, request, [row for row in (*rows, before[-1]) if row])
    # Who acted is the ledger's to say: by pseudonym to those who may not read its names.
    sight, reads = Sight.of(request), request.user.has_perm("audits.view_event")
    return [
        Change(row, sight.actor(row.event), row.event if reads else None, show.difference(old, row))
        for row, old in zip(rows, before, strict=True)
    ]


def _before(governed: Governed, row: Any) -> Any:
    older = governed.rows.objects.filter(**{governed.key: governed.pk_of(row)}, number__lt=row.number)
    return older.order_by("-number").first()


class _Values:
    """Shows the fields of some rows; what they point at is fetched once for all of them."""

    def __init__(
        self, governed: Governed, origins: Mapping[str, str], request: HttpRequest, rows: list[Any]
    ) -> None:
        self.governed, self.origins, self.request = governed, origins, request
        self.names = _names(governed, rows)

    def difference(self, old: Any, new: Any) -> SafeString:
        if old is None:
            facts = {name: show(new) for name, show in self._shown()}
            return show_folded("Added; show its first values", show_facts(facts))
        facts = {
            name: format_html(
                '{} <span aria-hidden="true">→</span><span class="sr-only"> became </span> {}',
                show(old),
                show(new),
            )
            for name, show in self._shown(old, new)
        }
        return show_facts(facts) if facts else SafeString("No field changed.")

    def _shown(self, *pair: Any) -> Iterator[tuple[str, Callable[[Any], object]]]:
        """(label, how to show it) of the fields in which the two rows differ; without a pair, of all."""
        for field in self.governed.fields:
            if not pair or len({repr(getattr(row, field.attname)) for row in pair}) > 1:
                yield _label(field), partial(self._value, field)
        for name in self.governed.many:
            if not pair or len({repr(row.related.get(name)) for row in pair}) > 1:
                label = _label(self.governed.model._meta.get_field(name))  # noqa: SLF001 - public in Django
                yield label, partial(self._related, name)

    def _value(self, field: "Field[Any, Any]", row: Any) -> object:
        value = getattr(row, field.attname)
        if value in (None, "", []):
            return EMPTY
        if field.related_model:
            return self._target(field.related_model, str(value))
        if isinstance(value, bool):
            return "Yes" if value else "No"
        if field.choices:
            return dict(field.flatchoices).get(value, value)
        if hasattr(value, "astimezone"):
            return show_time(value)
        return self._text(field.name, value)

    def _text(self, name: str, value: Any) -> object:
        origin = self.origins.get(name, "")
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return show_list(value)
        if isinstance(value, dict | list):
            return show_folded("Show it", show_json(value, origin))
        text = str(value)
        if len(text) == DIGEST and text.isalnum():
            return show_digest(text)
        shown = show_foreign(text, origin) if origin else format_html("{}", text)
        return show_folded(f"{text[:LONG]}…", shown) if len(text) > LONG else shown

    def _related(self, name: str, row: Any) -> object:
        """Rows by link where they were kept by id, other things by the names that they were kept by."""
        values = row.related.get(name, [])
        if self.governed.many[name] != ("pk",):
            return show_list(values)
        model: Any = self.governed.model._meta.get_field(name).related_model  # noqa: SLF001 - public in Django
        links: list[Any] = [self._target(model, value) for value in values]
        return show_list(links)

    def _target(self, model: type[Model], key: str) -> object:
        target = self.names.get((model, key))
        if target is None:
            options = model._meta  # noqa: SLF001 - public in Django
            return f"{options.verbose_name} {key}, which is not there"
        may_view = self.request.user.has_perm(_view_permission(model))
        if may_view and admin.site.is_registered(model):
            return show_link(target)  # type: ignore[arg-type]
        return str(target)


def _names(governed: Governed, rows: list[Any]) -> Names:
    """What the rows point at, by model and key: one query for each model."""
    wanted: dict[type[Model], set[str]] = defaultdict(set)
    for field in governed.fields:
        if field.related_model:
            found = {getattr(row, field.attname) for row in rows} - {None}
            wanted[field.related_model] |= {str(key) for key in found}
    for name, paths in governed.many.items():
        if paths == ("pk",):
            model: Any = governed.model._meta.get_field(name).related_model  # noqa: SLF001 - public in Django
            wanted[model] |= {key for row in rows for key in row.related.get(name, [])}
    return {
        (model, str(target.pk)): target for model, keys in wanted.items() for target in _targets(model, keys)
    }


def _targets(model: type[Model], keys: set[str]) -> Iterator[Model]:
    """With what their names are made of."""
    pointers = [
        field.name
        for field in model._meta.concrete_fields  # noqa: SLF001 - public in Django
        if field.many_to_one and not field.null
    ]
    found = model._base_manager.filter(pk__in=filter(is_uuid, keys))  # noqa: SLF001 - as above
    yield from found.select_related(*pointers) if pointers else found


def _view_permission(model: type[Model]) -> str:
    options = model._meta  # noqa: SLF001 - public in Django
    return f"{options.app_label}.view_{options.model_name}"


def _label(field: Any) -> str:
    text = str(field.verbose_name)
    return text[:1].upper() + text[1:]
