"""What the person at the screen may see of the ledger: names and payloads, or pseudonyms alone."""

from typing import Any

from django.db.models import BooleanField, QuerySet, Value
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audits import bodies, pseudonyms
from audits.admin.show import show_reference, show_word
from audits.models import Event

PERMISSION = "audits.view_names"


class Sight:
    """Without `names`, people are pseudonyms, payloads are withheld, and nothing leads to another page."""

    def __init__(self, *, names: bool) -> None:
        self.names = names

    @classmethod
    def of(cls, request: HttpRequest) -> "Sight":
        return cls(names=bool(request.user.has_perm(PERMISSION)))

    def reference(self, reference: str, *, full: bool = False) -> SafeString:
        """What the ledger calls something, with a link where the reader may follow it."""
        if self.names:
            return show_reference(reference, full=full)
        if pseudonyms.is_person(reference):
            return show_word(pseudonyms.of(reference))
        return format_html('<span class="cs-reference">{}</span>', reference)

    def actor(self, event: Event) -> str:
        """The name as it was then; the opaque reference once that was erased."""
        if self.names:
            try:
                return event.actor_name or event.actor
            except bodies.BoxDamaged:
                return f"{event.actor} (the name was damaged)"
        return pseudonyms.of(event.actor) if pseudonyms.is_person(event.actor) else event.actor

    def text(self, text: str) -> str:
        return text if self.names else pseudonyms.mask(text)

    def value(self, value: Any) -> Any:
        """JSON, with pseudonyms wherever it names people."""
        if self.names:
            return value
        if isinstance(value, str):
            return pseudonyms.mask(value)
        if isinstance(value, dict):
            return {name: self.value(each) for name, each in value.items()}
        return [self.value(each) for each in value] if isinstance(value, list) else value


def as_seen(rows: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
    """Rows that know what their reader may see: a column of a list knows its row alone."""
    names = Sight.of(request).names
    seen: QuerySet[Any] = rows.annotate(sees_names=Value(names, output_field=BooleanField()))
    return seen


def sight_of(row: Any) -> Sight:
    """What the reader of a row may see of it; no names, where nobody said."""
    return Sight(names=bool(getattr(row, "sees_names", False)))
