"""Numbers of rows, and of findings by severity."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from agents.choices import LABELS, Severity
from audits.admin.show import EMPTY, show_label


def count_of(
    model: Any, field: str, outer: str = "pk", *, leaving_out: Mapping[str, object] | None = None
) -> Coalesce:
    """How many rows of `model` point here, as a subquery: counted only for the rows that are shown."""
    rows = model.objects.filter(**{field: OuterRef(outer)}).exclude(**(leaving_out or {"pk__in": []}))
    rows = rows.order_by().values(field)
    counted = Subquery(rows.annotate(number=Count("pk")).values("number"), output_field=IntegerField())
    return Coalesce(counted, 0)


def show_counts(counts: dict[str, int]) -> SafeString:
    """Findings by severity, the worst first; severities without findings are left out."""
    labels = [
        (show_label(f"{counts[severity]} {severity.label}", LABELS[severity]),)
        for severity in Severity
        if counts.get(severity)
    ]
    return format_html_join(" ", "{}", labels) if labels else EMPTY
