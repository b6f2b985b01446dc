"""A page of its own with the form of one service, beside a model's list and rows."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from audits.admin.base import ReadOnlyAdmin, page_of, show_service_error
from audits.admin.forms import ServiceForm
from audits.errors import ServiceError


def form_page(
    model_admin: ReadOnlyAdmin,
    request: HttpRequest,
    *,
    form: ServiceForm,
    perform: Callable[[Any], tuple[Any, str]],
    words: Mapping[str, str],
    template: str = "admin/service_form.html",
    context: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """Show the form; sent, call the service and go to the page of what it gives.

    Args:
        perform: gets the valid form, and gives a row and the sentence that says what was done.
        words: `title`, `description`, `submit`.
    """
    if form.is_valid():
        try:
            made, sentence = perform(form)
        except ServiceError as error:
            show_service_error(form, error)
        else:
            messages.success(request, sentence)
            return HttpResponseRedirect(page_of(made))
    options = model_admin.opts
    shown = {
        **model_admin.admin_site.each_context(request),
        "list_title": model_admin.list_title,
        "list_url": reverse(f"admin:{options.app_label}_{options.model_name}_changelist"),
        "form": form,
        **words,
        **(context or {}),
    }
    return TemplateResponse(request, template, shown)
