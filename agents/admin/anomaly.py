"""What is unusual of what agents reach, and the rules that say so."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents import permissions
from agents.admin.egress_sections import ATTEMPTS
from agents.admin.fields import text
from agents.admin.narrowing import ByName
from agents.admin.origins import OWNER_SIDE
from agents.admin.who import person_of, show_who
from agents.choices import AnomalyKind
from agents.models import AnomalyRule, EgressAnomaly, EgressAttempt
from agents.services import egress_anomalies
from audits.admin.base import DialogForm, ReadOnlyAdmin, Section, dialog_action
from audits.admin.references import is_uuid
from audits.admin.rows import row_of
from audits.admin.show import EMPTY, link_column, show_foreign, show_label, time_column, untrusted_column

FIGURES = (
    "enabled", "window_minutes", "baseline_days", "factor", "minimum", "from_hour", "until_hour", "weekends",
)  # fmt: skip


class CloseForm(DialogForm):
    """The input of `egress_anomalies.close`."""

    verdict = text("What it was", required=True)


class RuleForm(DialogForm):
    """The input of `egress_anomalies.change_rule`, as it is now."""

    enabled = forms.BooleanField(required=False)
    window_minutes = forms.IntegerField(min_value=5, max_value=10_080, label="Lately, in minutes")
    baseline_days = forms.IntegerField(min_value=1, max_value=366, label="Before, in days")
    factor = forms.IntegerField(min_value=1, max_value=1_000, label="More than so many times the usual")
    minimum = forms.IntegerField(min_value=0, label="And at least (attempts, or bytes)")
    from_hour = forms.IntegerField(min_value=0, max_value=23, label="Working hours from")
    until_hour = forms.IntegerField(min_value=1, max_value=24, label="Working hours until")
    weekends = forms.BooleanField(required=False, label="Weekends too")
    reason = text("Why", required=True)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        found = AnomalyRule.objects.filter(pk=self.object_id) if is_uuid(self.object_id) else []
        for rule in found:
            self.initial.update({name: getattr(rule, name) for name in FIGURES})


@admin.register(EgressAnomaly)
class EgressAnomalyAdmin(ReadOnlyAdmin):
    """What agents reached, or tried to, that is unusual for them."""

    ledger_kind = "egress_anomaly"
    list_title = "Egress anomalies"
    empty_text = (
        "Nothing unusual was found. Every five minutes what agents reach is compared with their past."
    )
    list_display = ("kind_name", "agent", "destination_text", "observed", "expected", "state", "found")
    list_filter = ("kind", ("closed_at", admin.EmptyFieldListFilter), ("agent", ByName))
    list_select_related = ("agent",)
    search_fields = ("destination", "agent__name", "agent__slug")
    search_help_text = "Destination, agent"
    fieldsets = (
        (None, {"fields": (("kind_name", "state"), ("agent_link", "destination_text"))}),
        ("Observed", {"fields": (("observed", "expected"), ("window", "found"))}),
        ("What it was", {"fields": (("closed", "closer"), "verdict_text")}),
    )
    sections = (
        Section(
            name=ATTEMPTS.name,
            title="What it tried to reach since",
            model=EgressAttempt,
            rows=lambda anomaly: EgressAttempt.objects.filter(agent=anomaly.agent_id, at__gte=anomaly.since),
            columns=ATTEMPTS.columns,
            empty=ATTEMPTS.empty,
        ),
    )
    actions_detail = ("close",)

    agent_link = link_column("agent", "agent")
    found = time_column("found_at", "found")
    window = time_column("since", "looked at since")
    closed = time_column("closed_at", "closed")
    verdict_text = untrusted_column("verdict", OWNER_SIDE, "what it was")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        found = self.get_object(request, str(object_id))
        if found is None or found.closed_at is not None:
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    def has_close_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        found = self.get_object(request, str(object_id)) if object_id else None
        return found is not None and not permissions.why_not_close_anomaly(person_of(request), found.agent)

    @dialog_action(
        title="Close",
        description="Say what it was. Where it happens again, it is found again.",
        submit="Close",
        permissions=("close",),
        form_class=CloseForm,
        icon="task_alt",
    )
    def close(self, request: HttpRequest, form: Any, object_id: str) -> str:
        anomaly = row_of(EgressAnomaly.objects.select_related("agent"), object_id)
        egress_anomalies.close(
            actor=person_of(request), anomaly=anomaly, verdict=form.cleaned_data["verdict"]
        )
        return "Closed."

    @admin.display(description="what", ordering="kind")
    def kind_name(self, anomaly: EgressAnomaly) -> str:
        return anomaly.get_kind_display()

    @admin.display(description="destination", ordering="destination")
    def destination_text(self, anomaly: EgressAnomaly) -> SafeString:
        return show_foreign(anomaly.destination, "the agent") if anomaly.destination else EMPTY

    @admin.display(description="state", ordering="closed_at")
    def state(self, anomaly: EgressAnomaly) -> SafeString:
        return show_label("Closed") if anomaly.closed_at else show_label("Open", "warning")

    @admin.display(description="closed by")
    def closer(self, anomaly: EgressAnomaly) -> str:
        return show_who(anomaly.closed_by)


@admin.register(AnomalyRule)
class AnomalyRuleAdmin(ReadOnlyAdmin):
    """When what an agent reaches is unusual."""

    ledger_kind = "anomaly_rule"
    list_title = "Anomaly rules"
    empty_text = "The rules come with the database: run `manage.py prepare`."
    list_display = ("kind_name", "state", "window_minutes", "baseline_days", "factor", "minimum")
    list_filter = ("enabled",)
    fieldsets = (
        (None, {"fields": (("kind_name", "state"),)}),
        ("Too much", {"fields": (("window_minutes", "baseline_days"), ("factor", "minimum"))}),
        ("Working hours", {"fields": (("from_hour", "until_hour"), ("weekends",))}),
    )
    actions_detail = ("change_rule",)

    @dialog_action(
        title="Change",
        description="It counts from the next look on, five minutes from now at the latest.",
        submit="Save",
        permissions=["agents.change_anomalyrule"],
        form_class=RuleForm,
        icon="edit",
    )
    def change_rule(self, request: HttpRequest, form: Any, object_id: str) -> str:
        given = form.cleaned_data
        egress_anomalies.change_rule(
            actor=person_of(request),
            rule=row_of(AnomalyRule.objects.all(), object_id),
            reason=given["reason"],
            **{name: given[name] for name in FIGURES},
        )
        return "Changed."

    @admin.display(description="what", ordering="kind")
    def kind_name(self, rule: AnomalyRule) -> str:
        return AnomalyKind(rule.kind).label

    @admin.display(description="state", ordering="enabled")
    def state(self, rule: AnomalyRule) -> SafeString:
        return show_label("On", "success") if rule.enabled else show_label("Off", "warning")
