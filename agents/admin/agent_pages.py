"""The register's pages beside its list and rows: edit an entry, report a discovered agent, import, export."""

import base64
import binascii
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from agents import permissions
from agents.admin.entry_form import EditForm
from agents.admin.form_page import form_page
from agents.models import Agent, Person
from agents.register_files import FORMATS
from agents.services import discovery, importing, register
from audits.admin.base import AddByService, show_service_error
from audits.admin.forms import ServiceForm
from audits.errors import Conflict, ServiceError

TYPES = {"csv": "text/csv; charset=utf-8", "yaml": "application/yaml; charset=utf-8"}
ENDINGS = {".csv": "csv", ".yaml": "yaml", ".yml": "yaml"}


class DiscoverForm(ServiceForm):
    """The input of `discovery.discover`."""

    slug = forms.SlugField(max_length=50, help_text="Stable and short; it never changes.")
    name = forms.CharField(max_length=200, help_text="As it calls itself where it was found.")
    found_by = forms.CharField(
        max_length=200,
        label="Found by",
        help_text="For example: export of the CASB, a cloud bill, a colleague.",
    )
    evidence = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 5}), help_text="What was found, where and when."
    )


class ImportForm(ServiceForm):
    """A file to look at; nothing is imported yet."""

    file = forms.FileField(label="CSV or YAML file", allow_empty_file=True)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        most = filesizeformat(settings.REGISTER_IMPORT_MAX_BYTES)
        self.fields["file"].help_text = (
            f"UTF-8, at most {most} and {settings.REGISTER_IMPORT_MAX_ROWS:,} entries. The columns are those "
            "of an export; a column that is not there leaves what the register says."
        )

    def clean_file(self) -> Any:
        given = self.cleaned_data["file"]
        if given.size > settings.REGISTER_IMPORT_MAX_BYTES:
            raise forms.ValidationError("It is too large. Import it in parts.")
        if not _format(given.name):
            raise forms.ValidationError("Its name must end in .csv, .yaml or .yml.")
        return given


class ConfirmForm(forms.Form):
    """The file as it was looked at, and the digest of what it was said to do."""

    content = forms.CharField(widget=forms.HiddenInput)
    file_name = forms.CharField(max_length=255, widget=forms.HiddenInput)
    expected = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def clean_content(self) -> bytes:
        try:
            return base64.b64decode(self.cleaned_data["content"], validate=True)
        except binascii.Error as error:
            raise forms.ValidationError("The file was damaged on its way.") from error

    def clean_file_name(self) -> str:
        name: str = self.cleaned_data["file_name"]
        if not _format(name):
            raise forms.ValidationError("Its name must end in .csv, .yaml or .yml.")
        return name


class RegisterPages(AddByService):
    """What the register offers besides looking at it."""

    def get_urls(self) -> list[URLPattern]:
        def named(address: str, view: Any, name: str) -> URLPattern:
            made: URLPattern = path(address, self.admin_site.admin_view(view), name=f"agents_agent_{name}")
            return made

        urls: list[URLPattern] = super().get_urls()
        return [
            named("discover/", self.discover_view, "discover"),
            named("import/", self.import_view, "import"),
            named("export.<str:form>", self.export_view, "export"),
            named("<uuid:object_id>/edit/", self.edit_view, "edit"),
            *urls,
        ]

    # --- One entry ------------------------------------------------------------------------------------
    def edit_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        person = _person(request)
        agent = Agent.objects.select_related("owner", "sponsor").filter(pk=object_id).first()
        if agent is None:
            raise Http404("There is no such agent.")
        if permissions.why_not_change(person, agent):
            raise PermissionDenied
        form = EditForm(request.POST or None, request=request, agent=agent)
        differences: list[tuple[str, str, str]] = []

        def save(valid: EditForm) -> tuple[Agent, str]:
            try:
                amended = register.amend(
                    actor=person, agent=agent, changes=valid.changes, seen=valid.cleaned_data["seen"]
                )
            except Conflict:
                differences.extend(valid.renew())
                raise
            if amended.edited:
                return amended, "Saved. Until the board approves it again, the agent only reads."
            return amended, "Saved."

        return form_page(
            self,
            request,
            form=form,
            perform=save,
            words={
                "title": f"Edit the entry of {agent}",
                "description": "Another owner comes by a handover; the slug never changes.",
                "submit": "Save",
            },
            template="agents/entry_form.html",
            context={"agent": agent, "approved": bool(agent.approved_digest), "differences": differences},
        )

    def discover_view(self, request: HttpRequest) -> HttpResponse:
        person = _person(request)
        if not self.has_add_permission(request):
            raise PermissionDenied

        def report(form: DiscoverForm) -> tuple[Agent, str]:
            found = discovery.discover(actor=person, **form.cleaned_data)
            return found, "Reported. You answer for it until somebody claims it; it has no access."

        return form_page(
            self,
            request,
            form=DiscoverForm(request.POST or None, request=request),
            perform=report,
            words={
                "title": "Report a discovered agent",
                "description": "An agent that runs somewhere without an entry. Until it is claimed you "
                "answer for it; it has no access.",
                "submit": "Report",
            },
        )

    # --- Files ----------------------------------------------------------------------------------------
    def export_view(self, request: HttpRequest, form: str) -> HttpResponse:
        if form not in FORMATS:
            raise Http404("There is no such format.")
        if not self.has_view_permission(request):
            raise PermissionDenied
        text = importing.export(format=form)
        # Excel reads UTF-8 as such only with a mark in front.
        content = text.encode("utf-8-sig" if form == "csv" else "utf-8")
        answer = HttpResponse(content, content_type=TYPES[form])
        answer["Content-Disposition"] = f'attachment; filename="register-{timezone.localdate()}.{form}"'
        return answer

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Look at a file first, then import exactly what was shown."""
        person = _person(request)
        if permissions.why_not_import(person):
            raise PermissionDenied
        if "expected" in request.POST:
            return self._import(request, person)
        form = ImportForm(request.POST or None, request.FILES or None, request=request)
        if not form.is_valid():
            return self._import_page(request, form)
        given = form.cleaned_data["file"]
        return self._look(request, person, form, given.name, given.read())

    def _look(
        self, request: HttpRequest, person: Person, form: Any, name: str, content: bytes
    ) -> HttpResponse:
        try:
            plan = importing.plan(actor=person, content=content, format=_format(name))
        except ServiceError as error:
            show_service_error(form, error)
            return self._import_page(request, form)
        shown = {"content": base64.b64encode(content).decode(), "file_name": name, "expected": plan.digest}
        return self._import_page(request, form, plan=plan, confirm=ConfirmForm(initial=shown), file_name=name)

    def _import(self, request: HttpRequest, person: Person) -> HttpResponse:
        confirm = ConfirmForm(request.POST)
        form = ImportForm(request=request)
        if not confirm.is_valid():
            messages.error(request, "What was sent is not what was shown. Choose the file again.")
            return self._import_page(request, form)
        content, name = confirm.cleaned_data["content"], confirm.cleaned_data["file_name"]
        try:
            done = importing.perform(
                actor=person,
                content=content,
                format=_format(name),
                file_name=name,
                expected=confirm.cleaned_data["expected"],
            )
        except ServiceError as error:
            messages.error(request, error.message)
            return self._look(request, person, form, name, content)
        messages.success(request, f"Imported: {done.in_words}.")
        return HttpResponseRedirect(reverse("admin:agents_agent_changelist"))

    def _import_page(self, request: HttpRequest, form: ImportForm, **context: Any) -> HttpResponse:
        shown = {
            **self.admin_site.each_context(request),
            "title": "Import into the register",
            "list_title": self.list_title,
            "list_url": reverse("admin:agents_agent_changelist"),
            "form": form,
            "description": "The file is looked at first: what would change is shown, nothing is done.",
            "submit": "Look at the file",
            "consequence": "What is approved and amended here only reads until the board approves it again.",
            **context,
        }
        return TemplateResponse(request, "agents/import.html", shown)


def _person(request: HttpRequest) -> Person:
    if not isinstance(request.user, Person):
        raise PermissionDenied
    return request.user


def _format(name: str) -> str:
    return next((form for ending, form in ENDINGS.items() if name.lower().endswith(ending)), "")
