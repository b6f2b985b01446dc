"""Impact assessments: their list, the document of each, and the form that writes a draft (S1-6, S1-28)."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.origins import OWNER_SIDE
from agents.models import Agent
from audits.admin.base import (
    ActionVariant,
    AddByService,
    DialogForm,
    ReadOnlyAdmin,
    ServiceForm,
    dialog_action,
    page_of,
)
from audits.admin.rows import row_of
from audits.admin.show import (
    choice_column,
    digest_column,
    link_column,
    show_digest,
    show_label,
    show_link,
    time_column,
    untrusted_column,
)
from audits.errors import Invalid, NotFound, ServiceError
from governance import impact_content, impact_missing, impact_selectors, permissions
from governance.admin.document import show_document, show_plan, show_writers
from governance.admin.impact_form import WriteForm
from governance.admin.who import authentication_of, person_of
from governance.assessment_templates import TEMPLATES
from governance.choices import LABELS, AssessmentKind, AssessmentState, MitigationState
from governance.models import ImpactAssessment, Mitigation
from governance.selectors import governed_by
from governance.services import assessments


class BeginForm(ServiceForm):
    """The input of `assessments.begin`."""

    agent = forms.ModelChoiceField(queryset=Agent.objects.none(), empty_label=None)
    kind = forms.ChoiceField(choices=AssessmentKind.choices)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["agent"].queryset = governed_by(person_of(self.request))  # type: ignore[attr-defined]


class SignForm(DialogForm):
    """The digest of what the page showed: what was saved since is not signed."""

    digest = forms.CharField(widget=forms.HiddenInput)
    form_before_template = "governance/sign_digest.html"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        try:
            draft = row_of(ImpactAssessment.objects.select_related("agent"), self.object_id)
            self.initial["digest"] = impact_content.digest_of(impact_content.described(draft))
        except NotFound:
            self.initial["digest"] = ""

    def get_before_template_context(self, request: HttpRequest, object_id: Any = None) -> dict[str, Any]:
        return {"digest": show_digest(self["digest"].value(), full=True)}


class ReasonForm(DialogForm):
    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


class NoteForm(DialogForm):
    note = forms.CharField(label="What was done", max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


@admin.register(ImpactAssessment)
class ImpactAssessmentAdmin(AddByService):
    """What the owner's side wrote down about an agent, and who signed it."""

    ledger_kind = "impact_assessment"
    list_title = "Assessments"
    untrusted_text = "Answers are the words of the agents' owners."
    empty_text = "No agent was assessed yet. Its owner begins with one of the templates."
    change_form_template = "governance/impact_assessment.html"
    add_form = BeginForm
    add_title = "Begin an assessment"
    add_description = (
        "It opens with what the last signed one says and what the register knows. You write, somebody else "
        "signs."
    )
    add_submit = "Begin"
    list_display = ("name", "agent", "state_label", "writer", "updated", "signer", "signed")
    list_filter = ("state", "kind", "agent")
    list_select_related = ("agent", "written_by", "signed_by")
    search_fields = ("agent__name", "agent__slug", "sha256", "written_by__username", "signed_by__username")
    search_help_text = "Agent, who wrote or signed, digest"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("agent_link", "state_label"),
                    ("writers_list", "updated"),
                    ("signer", "signed"),
                    "sha256_full",
                )
            },
        ),
        ("How it ended", {"fields": (("reason_text", "ended"),)}),
    )
    history_origins = {"answers": OWNER_SIDE, "plan": OWNER_SIDE, "content": OWNER_SIDE}
    actions_detail = ("sign", "withdraw")

    agent_link = link_column("agent", "agent")
    state_label = choice_column("state", LABELS)
    updated = time_column("updated_at", "last saved")
    signed = time_column("signed_at", "signed")
    ended = time_column("ended_at", "ended")
    sha256_full = digest_column("sha256", "what was signed, SHA-256", full=True)
    reason_text = untrusted_column("end_reason", "whoever ended it", "reason")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImpactAssessment]:
        rows: QuerySet[ImpactAssessment] = super().get_queryset(request)
        return rows.select_related("agent", "written_by", "signed_by")

    def get_fieldsets(self, request: HttpRequest, obj: ImpactAssessment | None = None) -> Any:
        return self.fieldsets if obj and obj.ended_at else self.fieldsets[:1]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """The buttons are for those who can press them; the service decides either way."""
        row = self.get_object(request, str(object_id))
        if row is None:
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        person, over = person_of(request), row.state not in {AssessmentState.DRAFT, AssessmentState.SIGNED}
        refused = {
            "sign": permissions.against_signing_now(person, row),
            "withdraw": "over" if over else permissions.against_withdrawing_assessment(person, row),
        }
        return [each for each in actions if not refused.get(each.attrs["data-action"])]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.write_view)
        urls: list[URLPattern] = super().get_urls()
        return [path("<uuid:object_id>/write/", view, name="governance_impactassessment_write"), *urls]

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        made = assessments.begin(
            actor=person_of(request),
            agent=form.cleaned_data["agent"],
            kind=AssessmentKind(form.cleaned_data["kind"]),
        )
        return made, "A draft is open. Write it, then somebody who holds its seat signs."

    def write_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The form of a draft: GET changes nothing, POST saves it."""
        draft = self.get_object(request, str(object_id))
        if draft is None or not self.has_view_permission(request, draft):
            raise PermissionDenied
        if draft.state != AssessmentState.DRAFT or permissions.against_governing(
            person_of(request), draft.agent
        ):
            return HttpResponseRedirect(page_of(draft))
        template = TEMPLATES[AssessmentKind(draft.kind)]
        form = WriteForm(request.POST or None, request=request, template=template, draft=draft)
        if form.is_valid():
            try:
                assessments.write(
                    actor=person_of(request),
                    assessment=draft,
                    answers=form.answers,
                    plan=form.plan,
                    revision=form.cleaned_data["revision"],
                )
            except ServiceError as error:
                form.problems = dict(error.fields) if isinstance(error, Invalid) else {}
                form.add_error(None, error.message)
            else:
                messages.success(request, "Saved.")
                return HttpResponseRedirect(page_of(draft) if "read" in request.POST else request.path)
        elif request.method != "POST":
            form.problems = impact_missing.missing(draft) if draft.revision else {}
        context = {
            **self.admin_site.each_context(request),
            "title": f"Write {draft}",
            "list_title": self.list_title,
            "list_url": reverse("admin:governance_impactassessment_changelist"),
            "draft": draft,
            "template": template,
            "form": form,
            "page_url": page_of(draft),
        }
        return TemplateResponse(request, "governance/impact_form.html", context)

    def story(self, request: HttpRequest, instance: ImpactAssessment) -> Mapping[str, Any]:
        content = impact_content.shown(instance)
        before = impact_selectors.signed_before(instance)
        draft = instance.state == AssessmentState.DRAFT
        person = person_of(request)
        writes = draft and permissions.against_governing(person, instance.agent) is None
        return {
            "draft": draft,
            "intact": draft or not instance.content or impact_content.is_intact(instance),
            "missing": _missing(instance) if draft else [],
            "why_not": permissions.against_signing_now(person, instance) if draft else "",
            "write_url": reverse("admin:governance_impactassessment_write", args=[instance.pk])
            if writes
            else "",
            "origin": OWNER_SIDE,
            "document": show_document(content),
            "plan": show_plan(instance, content),
            "previous": show_link(before, f"number {before.serial}") if before else "",
            "changes": impact_content.changes(impact_content.shown(before), content) if before else [],
            "template": TEMPLATES[AssessmentKind(instance.kind)],
            "edition": content["template_version"],
        }

    @dialog_action(
        title="Sign",
        description="You stand for exactly what this page shows, by its digest. It never changes afterwards.",
        submit="Sign",
        permissions=("view",),
        form_class=SignForm,
        reauthenticate=True,
        icon="draw",
        variant=ActionVariant.SUCCESS,
    )
    def sign(self, request: HttpRequest, form: Any, object_id: str) -> str:
        made = assessments.sign(
            actor=person_of(request),
            assessment=row_of(ImpactAssessment.objects.select_related("agent"), object_id),
            digest=form.cleaned_data["digest"],
            authentication=authentication_of(request),
        )
        return f"Signed in the seat {made.get_signed_as_display()}."

    @dialog_action(
        title="Withdraw",
        description="It is in force no more, and its open mitigations lapse. What it says stays readable.",
        submit="Withdraw",
        permissions=("view",),
        form_class=ReasonForm,
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def withdraw(self, request: HttpRequest, form: Any, object_id: str) -> str:
        row = row_of(ImpactAssessment.objects.select_related("agent"), object_id)
        assessments.withdraw(actor=person_of(request), assessment=row, reason=form.cleaned_data["reason"])
        return "Withdrawn."

    @admin.display(description="assessment", ordering="kind")
    def name(self, row: ImpactAssessment) -> str:
        return f"{row.get_kind_display()} {row.serial}"

    @admin.display(description="written by", ordering="written_by__username")
    def writer(self, row: ImpactAssessment) -> str:
        return str(row.written_by)

    @admin.display(description="written by")
    def writers_list(self, row: ImpactAssessment) -> str:
        return show_writers(impact_content.shown(row))

    @admin.display(description="signed by", ordering="signed_by__username")
    def signer(self, row: ImpactAssessment) -> str:
        return f"{row.signed_by}, {row.get_signed_as_display()}" if row.signed_by else ""


@admin.register(Mitigation)
class MitigationAdmin(ReadOnlyAdmin):
    """What named people promised to do against a risk."""

    ledger_kind = "mitigation"
    untrusted_text = "Risks and measures are the words of the agents' owners."
    empty_text = "Nothing was promised yet. Mitigations come with a signed assessment."
    list_display = ("risk", "agent_name", "owner", "due", "state_label", "closed")
    list_filter = ("state", "owner")
    list_select_related = ("assessment__agent", "owner")
    search_fields = ("risk", "measure", "owner__username", "assessment__agent__name")
    search_help_text = "Risk, measure, owner, agent"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("assessment_link", "state_label"),
                    ("owner", "due"),
                    "risk_text",
                    "measure_text",
                )
            },
        ),
        ("How it ended", {"fields": ("note_text", "closed")}),
    )
    history_origins = {"risk": OWNER_SIDE, "measure": OWNER_SIDE, "note": OWNER_SIDE}
    actions_detail = ("close_mitigation",)

    assessment_link = link_column("assessment", "promised in")
    closed = time_column("closed_at", "closed")
    risk_text = untrusted_column("risk", OWNER_SIDE, "risk")
    measure_text = untrusted_column("measure", OWNER_SIDE, "measure")
    note_text = untrusted_column("note", "its owner", "what was done")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mitigation]:
        rows: QuerySet[Mitigation] = super().get_queryset(request)
        return rows.select_related("assessment__agent", "owner")

    def get_fieldsets(self, request: HttpRequest, obj: Mitigation | None = None) -> Any:
        return self.fieldsets if obj and obj.closed_at else self.fieldsets[:1]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        row = self.get_object(request, str(object_id))
        if (
            row is None
            or row.state != MitigationState.OPEN
            or permissions.against_closing(person_of(request), row)
        ):
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    @dialog_action(
        title="It is done",
        description="You promised it; say what was done.",
        submit="Close",
        permissions=("view",),
        form_class=NoteForm,
        icon="task_alt",
        variant=ActionVariant.SUCCESS,
    )
    def close_mitigation(self, request: HttpRequest, form: Any, object_id: str) -> str:
        row = row_of(self.get_queryset(request), object_id)
        assessments.close_mitigation(actor=person_of(request), mitigation=row, note=form.cleaned_data["note"])
        return "Closed."

    @admin.display(description="agent", ordering="assessment__agent__name")
    def agent_name(self, row: Mitigation) -> str:
        return str(row.assessment.agent)

    @admin.display(description="state", ordering="state")
    def state_label(self, row: Mitigation) -> SafeString:
        if row.is_overdue(timezone.localdate()):
            return show_label("Overdue", "danger")
        return show_label(row.get_state_display(), LABELS[MitigationState(row.state)])


def _missing(draft: ImpactAssessment) -> list[tuple[str, str]]:
    """What has to be there before it is signed: the question, and what it lacks."""
    template = TEMPLATES[AssessmentKind(draft.kind)]
    titles = {f"{section.id}.{field.id}": field.text for section, field in template.fields()}
    return [(titles.get(name, "Mitigations"), text) for name, text in impact_missing.missing(draft).items()]
