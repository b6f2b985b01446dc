"""Risk classes: what each demands, and changing that, once it was shown whom it affects (S1-5)."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from agents.choices import VersionTestKind
from audits.admin.base import ReadOnlyAdmin, ServiceForm, page_of, show_service_error
from audits.admin.kept import keep
from audits.admin.show import show_facts, show_label, show_link, show_list
from audits.errors import ServiceError
from governance import permissions, risk_selectors
from governance.admin.demands import NAMES, demands, word_of
from governance.admin.who import authentication_of, person_of
from governance.choices import LABELS, AssessmentKind, Discipline, Exercise, Gate, RiskLevel
from governance.models import RiskClass
from governance.risk_classes import CHOSEN, FIELDS, NUMBERS, Figures
from governance.risk_selectors import ClassChange, Effect, review_by_new_interval
from governance.services import risk_classes

SHOWN = 200
CHOICES: dict[str, Any] = {
    "seats": Discipline.choices,
    "elevation_seats": Discipline.choices,
    "assessments": AssessmentKind.choices,
    "tests": VersionTestKind.choices,
    "gates": Gate.choices,
}


class ClassForm(ServiceForm):
    """The input of `risk_classes.change`, as the class is now. `digest` names the change that was shown."""

    digest = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, risk_class: RiskClass, **options: Any) -> None:
        figures = risk_selectors.figures_of(risk_class)
        figures["rollout_steps"] = ", ".join(map(str, figures["rollout_steps"]))
        super().__init__(*arguments, initial=figures, **options)

    def clean_rollout_steps(self) -> list[int]:
        try:
            return [int(part) for part in self.cleaned_data["rollout_steps"].split(",")]
        except ValueError as error:
            raise forms.ValidationError(
                "Whole percentages with commas between, for example 10, 50, 100."
            ) from error

    @property
    def figures(self) -> Figures:
        return {name: self.cleaned_data[name] for name in FIELDS}

    def show_digest(self, digest: str) -> None:
        """Name the change that this page shows; without one it has to be shown first."""
        data = cast("QueryDict", self.data).copy()
        data["digest"] = digest
        self.data = data


def _field(name: str) -> forms.Field:
    label = NAMES[name]
    model_field: Any = RiskClass._meta.get_field(name)  # noqa: SLF001 - public in Django, whatever its name
    help_text = model_field.help_text
    if name in NUMBERS:
        lowest, highest = NUMBERS[name]
        return forms.IntegerField(label=label, help_text=help_text, min_value=lowest, max_value=highest)
    if name in CHOSEN:
        return forms.MultipleChoiceField(
            label=label,
            help_text=help_text,
            choices=CHOICES[name],
            required=False,
            widget=forms.CheckboxSelectMultiple,
        )
    if name == "exercise":
        return forms.ChoiceField(label=label, help_text=help_text, choices=Exercise.choices)
    if name == "veto":
        return forms.BooleanField(label=label, help_text=help_text, required=False)
    return forms.CharField(label=label, help_text=help_text, max_length=200)


ClassForm.base_fields.update({name: _field(name) for name in FIELDS})


@admin.register(RiskClass)
class RiskClassAdmin(ReadOnlyAdmin):
    """What each class demands."""

    ledger_kind = "riskclass"
    empty_text = "The risk classes come with the database: run `manage.py prepare`."
    change_form_template = "governance/risk_class.html"
    list_display = (
        "level_label",
        "minimum_score",
        "seats_list",
        "quorum",
        "elevation_seats_list",
        "elevation_quorum",
        "elevation_max_minutes",
        "credential_max_seconds",
        "assessments_list",
        "review_days",
    )
    fieldsets = ((None, {"fields": (("level_label", "minimum_score"), "demands_list")}),)

    def address_of(self, name: str) -> str:
        return reverse("admin:governance_riskclass_change", args=[name]) if name in RiskLevel.values else ""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.edit_view)
        urls: list[URLPattern] = super().get_urls()
        return [path("<str:object_id>/edit/", view, name="governance_riskclass_edit"), *urls]

    def story(self, request: HttpRequest, instance: RiskClass) -> dict[str, Any]:
        may = permissions.against_changing_classes(person_of(request)) is None
        address = reverse("admin:governance_riskclass_edit", args=[instance.pk])
        return {"edit_url": address if may else ""}

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """First the figures, then whom they affect; only what was shown can be saved."""
        row = self.get_object(request, str(object_id))
        if row is None or permissions.against_changing_classes(person_of(request)):
            raise PermissionDenied
        confirm = self.admin_site.confirmation_url(request, request.get_full_path())
        if confirm and request.method != "POST":
            return HttpResponseRedirect(confirm)
        form = ClassForm(request.POST or None, request=request, risk_class=row)
        if confirm:
            keep(request, form)
            return HttpResponseRedirect(confirm)
        change = None
        if form.is_valid():
            try:
                if form.cleaned_data["digest"] and self._save(request, row, form):
                    return HttpResponseRedirect(page_of(row))
            except ServiceError as error:
                show_service_error(form, error)
            change = self._preview(request, row, form)
        return TemplateResponse(
            request, "governance/risk_class_form.html", self._context(request, row, form, change)
        )

    def _save(self, request: HttpRequest, row: RiskClass, form: ClassForm) -> bool:
        done = risk_classes.change(
            actor=person_of(request),
            level=RiskLevel(row.level),
            figures=form.figures,
            digest=form.cleaned_data["digest"],
            authentication=authentication_of(request),
        )
        again = sum(effect.is_reassessed for effect in done.effects)
        messages.success(
            request,
            f"The class {row} is changed. Agents in it: {len(done.effects)}, of another class now: {again}.",
        )
        return True

    def _preview(self, request: HttpRequest, row: RiskClass, form: ClassForm) -> ClassChange | None:
        try:
            change = risk_classes.preview(
                actor=person_of(request), level=RiskLevel(row.level), figures=form.figures
            )
        except ServiceError as error:
            if not form.errors:
                show_service_error(form, error)
            form.show_digest("")
            return None
        form.show_digest(change.digest)
        return change

    def _context(
        self, request: HttpRequest, row: RiskClass, form: ClassForm, change: ClassChange | None
    ) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": f"Change the class {row}",
            "list_title": self.list_title,
            "list_url": page_of(row),
            "form": form,
            "description": (
                "You see whom it affects before anything is saved. Requests that are pending keep the rule "
                "that was frozen with them."
            ),
            "submit": "Save exactly this" if change else "Show whom it affects",
            "change": change,
            "figures": [_figure(change, name) for name in change.changed] if change else [],
            "effects": [_show(change, effect) for effect in change.effects[:SHOWN]] if change else [],
            "more": max(len(change.effects) - SHOWN, 0) if change else 0,
        }

    @admin.display(description="class", ordering="minimum_score")
    def level_label(self, row: RiskClass) -> SafeString:
        return show_label(row.get_level_display(), LABELS[RiskLevel(row.level)])

    @admin.display(description="seats for a dossier")
    def seats_list(self, row: RiskClass) -> SafeString:
        return show_list([Discipline(seat).label for seat in row.seats])

    @admin.display(description="seats for a write")
    def elevation_seats_list(self, row: RiskClass) -> SafeString:
        return show_list([Discipline(seat).label for seat in row.elevation_seats])

    @admin.display(description="assessments")
    def assessments_list(self, row: RiskClass) -> SafeString:
        return show_list([AssessmentKind(kind).label for kind in row.assessments])

    @admin.display(description="what it demands")
    def demands_list(self, row: RiskClass) -> SafeString:
        return show_facts(demands(row))


def _figure(change: ClassChange, name: str) -> tuple[str, str, str]:
    return NAMES[name], word_of(name, change.before[name]), word_of(name, change.after[name])


def _show(change: ClassChange, effect: Effect) -> dict[str, Any]:
    due = review_by_new_interval(change, effect)
    return {
        "agent": show_link(effect.agent),
        "before": show_label(effect.before.label, LABELS[effect.before]),
        "after": show_label(effect.after.label, LABELS[effect.after]),
        "moves": effect.before != effect.after,
        "lacks": effect.lacks,
        "due": due if due != effect.agent.review_date else None,
    }
