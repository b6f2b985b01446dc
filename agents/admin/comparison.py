"""A report beside the scan before it: asked once a page, however often a page shows it."""

from functools import cached_property

from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents import selectors
from agents.models import Exposure, Report
from audits.admin.show import EMPTY, show_label


class Comparison:
    """What is new, still there and gone in `report`; nothing, where no scan of its target was before it."""

    def __init__(self, report: Report) -> None:
        self._report = report

    @cached_property
    def earlier(self) -> Report | None:
        return selectors.earlier_scan(self._report)

    @property
    def new(self) -> QuerySet[Exposure]:
        return selectors.new_since(self._report, self.earlier) if self.earlier else Exposure.objects.none()

    @property
    def gone(self) -> QuerySet[Exposure]:
        return selectors.gone_since(self._report, self.earlier) if self.earlier else Exposure.objects.none()

    @cached_property
    def in_words(self) -> SafeString:
        if self.earlier is None:
            return EMPTY
        return format_html(
            "{} {} {}",
            show_label(f"{self.new.count()} new", "warning"),
            show_label(f"{selectors.found_by_both(self._report, self.earlier).count()} still there"),
            show_label(f"{self.gone.count()} gone", "success"),
        )


def comparison_of(report: Report) -> Comparison:
    """The comparison that goes with this row of this request."""
    kept: Comparison = report.__dict__.setdefault("_comparison", Comparison(report))
    return kept
