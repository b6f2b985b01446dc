from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse

from agents.admin.narrowing import ByName
from agents.admin.who import show_who
from agents.choices import DocumentKind
from agents.models import Agent, AgentDocument
from agents.services import documents
from audits.admin.base import AddByService, ServiceForm
from audits.admin.show import digest_column, link_column, show_untrusted, time_column


class AttachForm(ServiceForm):
    """The input of `documents.attach`."""

    agent = forms.ModelChoiceField(queryset=Agent.objects.order_by("name"), empty_label=None)
    kind = forms.ChoiceField(choices=DocumentKind.choices)
    title = forms.CharField(max_length=200)
    file = forms.FileField(help_text="It is kept as it is, and its SHA-256 in the ledger.")


@admin.register(AgentDocument)
class AgentDocumentAdmin(AddByService):
    """Documents that the evidence about an agent needs (S1-20)."""

    ledger_kind = "document"
    list_title = "Documents"
    empty_text = "No document yet. Evidence without diagrams, maps, policies and test records is incomplete."
    untrusted_text = "Titles and files are the words of those who attached them."
    change_form_template = "admin/document.html"
    add_form = AttachForm
    add_title = "Attach a document"
    add_description = (
        "What the evidence about an agent needs and the portal does not record itself: architecture, data "
        "flows, policies, risk, tests, incidents."
    )
    add_submit = "Attach"
    list_display = ("title", "kind_name", "agent_link", "file_size", "adder", "added")
    list_filter = ("kind", ("agent", ByName))
    list_select_related = ("agent",)
    search_fields = ("title", "file_name", "sha256")
    search_help_text = "Title, file name, SHA-256"
    fieldsets = (
        (None, {"fields": (("kind_name", "agent_link"), ("adder", "added"), "title_text")}),
        ("The file", {"fields": (("name_text", "file_size"), "sha256_full")}),
    )

    agent_link = link_column("agent", "agent")
    added = time_column("added_at", "added")
    sha256_full = digest_column("sha256", "SHA-256", full=True)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentDocument]:
        found: QuerySet[AgentDocument] = super().get_queryset(request).defer("content")
        return found

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.file_view)
        urls: list[URLPattern] = super().get_urls()
        return [path("<uuid:object_id>/file/", view, name="agents_agentdocument_file"), *urls]

    def file_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """As bytes to keep: whatever it is, the browser does not show it here."""
        document = self.get_object(request, str(object_id))
        if document is None or not self.has_view_permission(request, document):
            raise PermissionDenied
        answer = HttpResponse(bytes(document.content), content_type="application/octet-stream")
        answer["Content-Disposition"] = f'attachment; filename="{document.bundle_path.rpartition("/")[2]}"'
        return answer

    def story(self, request: HttpRequest, instance: AgentDocument) -> dict[str, Any]:
        return {"file_url": reverse("admin:agents_agentdocument_file", args=[instance.pk])}

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        given: Any = form.cleaned_data
        document = documents.attach(
            actor=request.user,  # type: ignore[arg-type]
            agent=given["agent"],
            kind=DocumentKind(given["kind"]),
            title=given["title"],
            file_name=given["file"].name,
            content=given["file"].read(),
        )
        return document, f"{document.get_kind_display()} attached to {document.agent}."

    @admin.display(description="kind", ordering="kind")
    def kind_name(self, document: AgentDocument) -> str:
        return document.get_kind_display()

    @admin.display(description="title")
    def title_text(self, document: AgentDocument) -> str:
        return show_untrusted(document.title, show_who(document.added_by))

    @admin.display(description="file")
    def name_text(self, document: AgentDocument) -> str:
        return show_untrusted(document.file_name, show_who(document.added_by))

    @admin.display(description="size", ordering="size")
    def file_size(self, document: AgentDocument) -> str:
        return filesizeformat(document.size)

    @admin.display(description="attached by")
    def adder(self, document: AgentDocument) -> str:
        return show_who(document.added_by)
