"""What every admin page shares: read-only by default, and two ways to act.

The admin shows; services act. Rows are never changed or deleted by a form of the admin itself.
`dialog_action` is a button on a row's page; `AddByService` is a page with a form. Both open with GET,
which changes nothing, and act with POST through one service. With `reauthenticate` they ask for a fresh
proof of who is at the screen, by the site's `confirmation_url`, and come back to where they were.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.checks import CheckMessage
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.checks import UnfoldModelAdminChecks
from unfold.dataclasses import ActionDialog
from unfold.decorators import action
from unfold.enums import ActionVariant

from audits.admin.forms import DialogForm, ServiceForm, show_service_error
from audits.admin.history import history_sections
from audits.admin.kept import keep
from audits.admin.references import is_uuid, shown_by
from audits.admin.rows import row_of
from audits.admin.sections import Section, show_sections
from audits.errors import ServiceError

__all__ = [
    "ActionVariant",
    "AddByService",
    "DialogForm",
    "Done",
    "Gone",
    "ReadOnlyAdmin",
    "Section",
    "ServiceForm",
    "dialog_action",
    "page_of",
    "show_service_error",
]


class _Checks(UnfoldModelAdminChecks):  # type: ignore[misc]
    """Unfold's, but for one that asks the database, which is not there yet when it is being made."""

    def _check_unfold_action_permission_methods(self, obj: Any) -> list[CheckMessage]:
        return []


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]
    """A list and a page for each row, to look at; who may look follows the view permission.

    `empty_text` says what fills an empty list, `list_title` is its name in the sidebar's words, and
    `untrusted_text` says whose words it shows, where they are not ours. `ledger_kind` is what the
    ledger calls such rows: references to them lead here, and a row's page leads to its events.

    On a row's page, `sections` are related rows below the facts, after them the history of a governed row
    (`history_origins` says whose words a field of it holds), and `story` gives context to the
    `story` block of a `change_form_template` of one's own that extends ``admin/read_only.html``.
    """

    checks_class = _Checks
    actions = None
    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False
    compressed_fields = True
    warn_unsaved_form = False
    list_fullwidth = True
    change_form_template = "admin/read_only.html"
    empty_text = ""
    list_title = ""
    untrusted_text = ""
    list_before_template = "admin/list_note.html"
    ledger_kind = ""
    sections: tuple[Section, ...] = ()
    history_origins: Mapping[str, str] = {}

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.list_title = self.list_title or _capitalised(self.opts.verbose_name_plural)
        if self.ledger_kind:
            shown_by(self.ledger_kind, self.address_of)

    def address_of(self, name: str) -> str:
        """The page of the row that the ledger calls ``<ledger_kind>/<name>``."""
        return _page(self.opts, name) if is_uuid(name) else ""

    def ledger_object(self, instance: Any) -> str:
        """What the ledger calls this row; empty for rows that it does not name."""
        return f"{self.ledger_kind}/{instance.pk}" if self.ledger_kind else ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def story(self, request: HttpRequest, instance: Any) -> Mapping[str, Any]:
        return {}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        named = {"title": self.list_title, **(extra_context or {})}
        shown: HttpResponse = super().changelist_view(request, extra_context=named)
        return shown

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *arguments: Any, obj: Any = None, **options: Any
    ) -> HttpResponse:
        context["title"] = _capitalised(self.opts.verbose_name)
        if obj is not None:
            context["events_url"] = self._events_url(request, obj)
            sections = (*self.sections, *history_sections(self.model, self.history_origins))
            context["sections"] = show_sections(sections, request, obj)
            context.update(self.story(request, obj))
        response: HttpResponse = super().render_change_form(request, context, *arguments, obj=obj, **options)
        return response

    def _events_url(self, request: HttpRequest, instance: Model) -> str:
        """Where a reader of the ledger finds what it says about a row."""
        name = self.ledger_object(instance)
        needed = ["audits.view_event", *(["audits.view_names"] if name.startswith("person/") else [])]
        if not name or not request.user.has_perms(needed):
            return ""
        return f"{reverse('admin:audits_event_changelist')}?q={name}"


class AddByService(ReadOnlyAdmin):
    """Rows that come about through a service: `add_form` is its input, `add_by_service` calls it.

    Who may open the page: those with the model's add permission. The query of the address fills the
    form in advance. `reauthenticate` asks for a fresh proof of who it is, before the form and again
    when it is sent; what was typed is kept.
    """

    reauthenticate = False
    add_form: type[ServiceForm]
    add_title = ""
    add_description = ""
    add_submit = "Save"
    add_template = "admin/service_form.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(f"{self.opts.app_label}.add_{self.opts.model_name}"))

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        """Call the service; give what it made and the sentence that says so."""
        raise NotImplementedError

    def look_first(self, request: HttpRequest, form: Any) -> Mapping[str, Any]:
        """What the page says of a valid form before it is acted on, with the words of its button; nothing
        where the form says that it was seen."""
        return {}

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        confirm = self.admin_site.confirmation_url(request, request.get_full_path())
        if self.reauthenticate and confirm and request.method != "POST":
            return HttpResponseRedirect(confirm)
        form = self.add_form(
            request.POST or None, request.FILES or None, request=request, initial=request.GET.dict()
        )
        if self.reauthenticate and confirm:
            keep(request, form)
            return HttpResponseRedirect(confirm)
        seen: Mapping[str, Any] = {}
        if form.is_valid():
            try:
                seen = self.look_first(request, form)
                if not seen:
                    made, sentence = self.add_by_service(request, form)
                    messages.success(request, sentence)
                    return HttpResponseRedirect(page_of(made))
            except ServiceError as error:
                show_service_error(form, error)
        context = {
            **self.admin_site.each_context(request),
            "title": self.add_title or f"Add {self.opts.verbose_name}",
            "list_title": self.list_title,
            "list_url": _list(self.opts),
            "form": form,
            "description": self.add_description,
            "submit": self.add_submit,
            **seen,
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.add_template, context)


@dataclass(frozen=True, slots=True)
class Done:
    """What an action did, in a sentence, and the page of what it made."""

    sentence: str
    made: Model


@dataclass(frozen=True, slots=True)
class Gone:
    """What an action did, in a sentence, where the row is not there any more: on to the list."""

    sentence: str


Perform = Callable[[Any, HttpRequest, Any, str], str | Done | Gone]


def dialog_action(
    *,
    title: str,
    description: str,
    submit: str,
    permissions: Iterable[str],
    form_class: type[DialogForm] = DialogForm,
    icon: str | None = None,
    variant: ActionVariant = ActionVariant.DEFAULT,
    reauthenticate: bool = False,
) -> Callable[[Perform], Any]:
    """Make a method an action on a row's page (name it in `actions_detail`).

    The method gets ``(request, form, object_id)``, calls one service and returns the sentence that
    says what was done, or `Done` to go on to what was made. A `ServiceError` is shown in the
    dialog. `permissions` are model permissions
    (``agents.view_run``) or names of ``has_<name>_permission`` methods, which get the row's id.
    With `reauthenticate` the dialog asks first for a fresh proof of who is at the screen.
    """
    dialog = ActionDialog(
        title=title, description=description, form_class=form_class, form_submit_text=submit
    )

    def decorate(perform: Perform) -> Any:
        @wraps(perform)
        def act(model_admin: Any, request: HttpRequest, form: DialogForm, object_id: str) -> HttpResponse:
            try:
                done = perform(model_admin, request, form, object_id)
            except ServiceError as error:
                show_service_error(form, error)
                context = {"dialog": dialog, "form": form, "form_submit_text": submit}
                return render(request, "unfold/helpers/dialog.html", context)
            if isinstance(done, Done):
                messages.success(request, done.sentence)
                return _after_dialog(request, page_of(done.made))
            if isinstance(done, Gone):
                messages.success(request, done.sentence)
                return _after_dialog(request, _list(model_admin.opts))
            messages.success(request, done)
            return _after_dialog(request, _page(model_admin.opts, object_id))

        made = action(
            description=title,
            permissions=tuple(permissions),
            attrs={"data-action": perform.__name__},
            icon=icon,
            variant=variant,
            dialog=dialog,
        )(act)
        return _present(_confirmed(made, dialog) if reauthenticate else made, dialog)

    return decorate


def _present(made: Any, dialog: ActionDialog) -> Any:
    """The action, where its row is still there; its form may not know that it is gone."""

    @wraps(made)
    def present(model_admin: Any, request: HttpRequest, *, object_id: str) -> HttpResponse:
        try:
            row_of(model_admin.model._default_manager.all(), object_id)  # noqa: SLF001 - Django's documented name
        except ServiceError as error:
            form = DialogForm(data=request.POST or {}, request=request, object_id=object_id)
            show_service_error(form, error)
            return render(request, "unfold/helpers/dialog.html", {"dialog": dialog, "form": form})
        response: HttpResponse = made(model_admin, request, object_id=object_id)
        return response

    return present


def _confirmed(made: Any, dialog: ActionDialog) -> Any:
    """The action, once it is certain who is at the screen; what was typed meanwhile is kept."""

    @wraps(made)
    def confirmed(model_admin: Any, request: HttpRequest, *, object_id: str) -> HttpResponse:
        back = f"{_page(model_admin.opts, object_id)}#{made.original_function_name}"
        confirm = model_admin.admin_site.confirmation_url(request, back)
        if not confirm:
            response: HttpResponse = made(model_admin, request, object_id=object_id)
            return response
        if request.method == "POST":
            keep(request, dialog["form_class"](data=request.POST, request=request, object_id=object_id))
            return _after_dialog(request, confirm)
        context = {"dialog": dialog, "confirm_url": confirm}
        return render(request, "unfold/helpers/dialog_confirm.html", context)

    return confirmed


def _after_dialog(request: HttpRequest, url: str) -> HttpResponse:
    """htmx follows its own header, a plain form a redirect."""
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def page_of(instance: Model) -> str:
    """The address of a row's page."""
    return _page(instance._meta, str(instance.pk))  # noqa: SLF001 - public in Django, whatever its name


def _page(options: Any, object_id: str) -> str:
    return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[object_id])


def _list(options: Any) -> str:
    return reverse(f"admin:{options.app_label}_{options.model_name}_changelist")


def _capitalised(words: object) -> str:
    text = str(words)
    return text[:1].upper() + text[1:]
