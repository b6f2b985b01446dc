"""A list that comes out of and into files: it is looked at first, then exactly what was shown is imported."""

import base64
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from agents.admin.agent_pages import ENDINGS, TYPES, ConfirmForm, ImportForm
from agents.models import Person
from audits.admin.base import AddByService, show_service_error
from audits.errors import ServiceError
from governance.admin.who import person_of


class FilePages(AddByService):
    """`files` is the module of the service: `FORMATS`, `export`, `plan`, `perform`."""

    files: Any
    formats: tuple[str, ...] = ()
    file_stem = ""
    consequence = ""
    list_before_template = "governance/file_links.html"

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()
        views = (("import/", self.import_view, "import"), ("export.<str:form>", self.export_view, "export"))
        return [
            *(
                path(address, self.admin_site.admin_view(view), name=self._name(name))
                for address, view, name in views
            ),
            *urls,
        ]

    @property
    def import_url(self) -> str:
        return reverse(f"admin:{self._name('import')}")

    @property
    def export_urls(self) -> list[tuple[str, str]]:
        return [
            (form.upper(), reverse(f"admin:{self._name('export')}", args=[form])) for form in self.formats
        ]

    def export_view(self, request: HttpRequest, form: str) -> HttpResponse:
        if form not in self.formats:
            raise Http404("There is no such format.")
        if not self.has_view_permission(request):
            raise PermissionDenied
        text: str = self.files.export(format=form)
        # Excel reads UTF-8 as such only with a mark in front.
        content = text.encode("utf-8-sig" if form == "csv" else "utf-8")
        answer = HttpResponse(content, content_type=TYPES[form])
        name = f"{self.file_stem}-{timezone.localdate()}.{form}"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    def import_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        person = person_of(request)
        if "expected" in request.POST:
            return self._import(request, person)
        form = ImportForm(request.POST or None, request.FILES or None, request=request)
        if not form.is_valid():
            return self._page(request, form)
        given = form.cleaned_data["file"]
        return self._look(request, person, form, given.name, given.read())

    def _look(
        self, request: HttpRequest, person: Person, form: ImportForm, name: str, content: bytes
    ) -> HttpResponse:
        format_ = _format(name)
        if format_ not in self.formats:
            form.add_error("file", f"Its name must say that it is {' or '.join(self.formats)}.")
            return self._page(request, form)
        try:
            plan = self.files.plan(actor=person, content=content, format=format_)
        except ServiceError as error:
            show_service_error(form, error)
            return self._page(request, form)
        shown = {"content": base64.b64encode(content).decode(), "file_name": name, "expected": plan.digest}
        return self._page(request, form, plan=plan, confirm=ConfirmForm(initial=shown), file_name=name)

    def _import(self, request: HttpRequest, person: Person) -> HttpResponse:
        confirm, form = ConfirmForm(request.POST), ImportForm(request=request)
        if not confirm.is_valid() or _format(confirm.cleaned_data["file_name"]) not in self.formats:
            messages.error(request, "What was sent is not what was shown. Choose the file again.")
            return self._page(request, form)
        content, name = confirm.cleaned_data["content"], confirm.cleaned_data["file_name"]
        try:
            done = self.files.perform(
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
        return HttpResponseRedirect(reverse(f"admin:{self._name('changelist')}"))

    def _page(self, request: HttpRequest, form: forms.Form, **context: Any) -> HttpResponse:
        shown = {
            **self.admin_site.each_context(request),
            "title": f"Import: {self.list_title}",
            "list_title": self.list_title,
            "list_url": reverse(f"admin:{self._name('changelist')}"),
            "form": form,
            "description": "The file is looked at first: what would change is shown, nothing is done.",
            "submit": "Look at the file",
            "consequence": self.consequence,
            **context,
        }
        return TemplateResponse(request, "agents/import.html", shown)

    def _name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"


def _format(name: str) -> str:
    return next((form for ending, form in ENDINGS.items() if name.lower().endswith(ending)), "")
