"""What became of decisions: a filter of their list, and what their pages say."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from agents.admin.who import show_who
from agents.choices import LABELS, ActionOutcome
from audits.admin.show import EMPTY, show_choice, show_label, show_untrusted
from governance import outcome_selectors
from governance.models import Decision, DecisionOutcome

MISSING = "none"


class WithOutcome(admin.SimpleListFilter):
    """``?outcome=none`` are the decisions without an outcome, long after they were made."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(MISSING, "Decisions without outcome"), *ActionOutcome.choices]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        if self.value() == MISSING:
            return queryset.filter(pk__in=outcome_selectors.without_outcome().values("pk"))
        return queryset.filter(outcome__outcome=self.value()) if self.value() else queryset


class OutcomeColumns:
    """What became of a decision, for its list and its page."""

    @admin.display(description="outcome")
    def outcome_label(self, decision: Decision) -> SafeString:
        if not decision.allowed:
            return EMPTY
        told = _told(decision)
        return show_choice(told, "outcome", LABELS) if told else show_label("Not told", "warning")

    @admin.display(description="told by")
    def outcome_told(self, decision: Decision) -> SafeString | str:
        told = _told(decision)
        return show_who(told.reported_by) if told else EMPTY

    @admin.display(description="detail")
    def outcome_detail(self, decision: Decision) -> SafeString:
        told = _told(decision)
        return show_untrusted(told.detail, "who enforced it") if told and told.detail else EMPTY


def _told(decision: Decision) -> DecisionOutcome | None:
    return getattr(decision, "outcome", None)
