"""What the person at the screen may see of the ledger, as pages show it."""

from typing import Any

from django.db.models import BooleanField, QuerySet, Value
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audits import pseudonyms, sight
from audits.admin.show import show_reference, show_word

PERMISSION = sight.PERMISSION


class Sight(sight.Sight):
    """Without `names`, nothing leads to another page either."""

    @classmethod
    def of(cls, request: HttpRequest) -> "Sight":
        return cls(names=bool(request.user.has_perm(PERMISSION)))

    def reference(self, reference: str, *, full: bool = False) -> SafeString:
        """What the ledger calls something, with a link where the reader may follow it."""
        if self.names:
            return show_reference(reference, full=full)
        if pseudonyms.is_person(reference):
            return show_word(self.called(reference))
        return format_html('<span class="cs-reference">{}</span>', reference)


def as_seen(rows: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
    """Rows that know what their reader may see: a column of a list knows its row alone."""
    names = Sight.of(request).names
    seen: QuerySet[Any] = rows.annotate(sees_names=Value(names, output_field=BooleanField()))
    return seen


def sight_of(row: Any) -> Sight:
    """What the reader of a row may see of it; no names, where nobody said."""
    return Sight(names=bool(getattr(row, "sees_names", False)))
