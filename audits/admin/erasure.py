"""Erased people and redacted events (promise 13; S1-17, S3-10)."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.datastructures import MultiValueDict
from django.utils.safestring import SafeString

from audits.admin.base import AddByService, ServiceForm, show_service_error
from audits.admin.reader import actor_of
from audits.admin.recorded import NamedReading, RecordedReading
from audits.admin.show import reference_column, show_reference, show_word, time_column
from audits.admin.sight import PERMISSION
from audits.errors import ServiceError
from audits.models import Erasure, Redaction
from audits.services import erasure, subjects

STAYS = "It stays for good: name nobody."


class EraseForm(ServiceForm):
    """The input of `erasure.erase`."""

    subject = forms.CharField(
        label="Person", max_length=200, help_text="person/<id>, as on the person's page."
    )
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), help_text=STAYS)
    request_reference = forms.CharField(
        required=False,
        max_length=200,
        label="Request",
        help_text="Reference of the person's request, if any.",
    )


@admin.register(Erasure)
class ErasureAdmin(NamedReading, AddByService):
    """Who was erased, when and why: as the ledger tells it, by reference alone."""

    list_title = "Erasures"
    read_object = "erasures"
    add_form = EraseForm
    add_title = "Erase a person"
    add_description = (
        "Their names everywhere in the ledger, the payloads of their stream and their account go for good; "
        "the proof that nothing else was changed holds. See first where others quote them: those events keep "
        "the name until they are redacted."
    )
    add_submit = "Erase for good"
    add_template = "admin/erase.html"
    empty_text = "Nobody was erased."
    list_display = ("erased", "subject_link", "reason", "by")
    list_select_related = ("body",)
    list_per_page = 50
    fieldsets = (
        (None, {"fields": (("subject_link", "erased"), ("reason", "request_name"), "by")}),
        ("The event that proves it", {"fields": ("event_link",)}),
    )

    erased = time_column("time", "erased")
    by = reference_column("actor", "by", full=True)
    subject_link = reference_column("object", "person", full=True)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Erasure]:
        found: QuerySet[Erasure] = super().get_queryset(request)
        return found.select_related("body")

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        chosen = form.cleaned_data
        event = erasure.erase(
            actor=actor_of(request),
            subject=chosen["subject"].strip(),
            reason=chosen["reason"],
            request=chosen["request_reference"],
        )
        return Erasure.objects.get(pk=event.pk), "Erased. The event below proves it."

    @admin.display(description="reason")
    def reason(self, row: Erasure) -> str:
        return str(row.details.get("reason", ""))

    @admin.display(description="request")
    def request_name(self, row: Erasure) -> str:
        return str(row.details.get("request", ""))

    @admin.display(description="event")
    def event_link(self, row: Erasure) -> SafeString:
        return show_reference(f"event/{row.pk}", full=True)


class EventIds(forms.Textarea):
    """A line for each event, from one text or from many boxes that were ticked."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        if isinstance(data, MultiValueDict):
            return "\n".join(data.getlist(name))
        return super().value_from_datadict(data, files, name)


class RedactForm(ServiceForm):
    """The input of `erasure.redact`."""

    events = forms.CharField(
        widget=EventIds(attrs={"rows": 6}), help_text="Ids of events, one a line, as on their pages."
    )
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), help_text=STAYS)

    def clean_events(self) -> list[UUID]:
        try:
            return [UUID(line.removeprefix("event/")) for line in self.cleaned_data["events"].split()]
        except ValueError as error:
            raise forms.ValidationError("A line is not the id of an event.") from error


class QuotedForm(ServiceForm):
    """The input of `subjects.mentions`."""

    subject = forms.CharField(
        label="Person", max_length=200, help_text="person/<id>, as on the person's page."
    )
    also = forms.CharField(
        required=False,
        label="Look for this too",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="A name a line; looked for is every name of the account. It may take a while.",
    )


@admin.register(Redaction)
class RedactionAdmin(RecordedReading, AddByService):
    """Events whose payload and actor's name were deleted."""

    list_title = "Redactions"
    read_object = "redactions"
    list_before_template = "admin/redactions.html"
    add_form = RedactForm
    add_title = "Redact events"
    add_description = (
        "Payload and actor's name of these events go for good. That they happened stays, and the proof of it."
    )
    add_submit = "Redact for good"
    empty_text = "No event was redacted."
    list_display = ("event_link", "redacted", "explained_by")
    fieldsets = ((None, {"fields": (("event_link", "redacted"), "explained_by")}),)
    search_fields = ("=event_id",)
    search_help_text = "Id of the event"

    redacted = time_column("redacted_at", "redacted")

    def get_urls(self) -> list[URLPattern]:
        quoted = self.admin_site.admin_view(self.quoted_view)
        urls: list[URLPattern] = super().get_urls()
        return [path("quoted/", quoted, name="audits_redaction_quoted"), *urls]

    def quoted_view(self, request: HttpRequest) -> HttpResponse:
        """Where a person is quoted, by name. The search is recorded, so it is asked for by POST."""
        if not (self.has_add_permission(request) and request.user.has_perm(PERMISSION)):
            raise PermissionDenied
        form = QuotedForm(request.POST or None, request=request, initial=request.GET.dict())
        found = None
        if form.is_valid():
            try:
                found = subjects.mentions(
                    actor=actor_of(request),
                    subject=form.cleaned_data["subject"].strip(),
                    also=form.cleaned_data["also"].splitlines(),
                )
            except ServiceError as error:
                show_service_error(form, error)
        context = {
            **self.admin_site.each_context(request),
            "title": "Where a person is quoted",
            "list_title": self.list_title,
            "list_url": reverse("admin:audits_redaction_changelist"),
            "redact_url": reverse("admin:audits_redaction_add"),
            "form": form,
            "submit": "Look for quotations",
            "found": found,
            "rows": [
                (mention.event, show_reference(f"event/{mention.event}"), show_word(mention.action),
                 show_reference(mention.stream), ", ".join(mention.words))
                for mention in found or []
            ],
        }  # fmt: skip
        return TemplateResponse(request, "admin/quoted.html", context)

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        chosen = form.cleaned_data
        event = erasure.redact(actor=actor_of(request), events=chosen["events"], reason=chosen["reason"])
        made = Redaction.objects.filter(by=event.pk)
        return made[0], f"{len(made)} events were redacted."

    @admin.display(description="event")
    def event_link(self, redaction: Redaction) -> SafeString:
        return show_reference(f"event/{redaction.event_id}")

    @admin.display(description="explained by")
    def explained_by(self, redaction: Redaction) -> SafeString:
        return show_reference(f"event/{redaction.by}")
