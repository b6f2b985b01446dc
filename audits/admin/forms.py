"""Forms of the admin that hand over to a service: plain Django forms in the admin's clothes."""

from typing import Any

from django import forms
from django.forms.widgets import Input, Widget
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    CHECKBOX_CLASSES,
    INPUT_CLASSES,
    SELECT_CLASSES,
    TEXTAREA_CLASSES,
)

from audits.admin.kept import give_back
from audits.errors import ServiceError

# The first that fits. Lists of choices keep the browser's look: Django puts a class on each and around all.
CLOTHES: tuple[tuple[type[Widget], list[str]], ...] = (
    (forms.HiddenInput, []),
    (forms.RadioSelect, []),
    (forms.CheckboxSelectMultiple, []),
    (forms.CheckboxInput, CHECKBOX_CLASSES),
    (forms.Textarea, TEXTAREA_CLASSES),
    (forms.Select, SELECT_CLASSES),
    (Input, INPUT_CLASSES),
)


class ServiceForm(forms.Form):
    """The input of one service. `request` is there for choices that depend on who asks."""

    def __init__(self, *arguments: Any, request: Any, **options: Any) -> None:
        self.request = request
        super().__init__(*arguments, **options)
        give_back(request, self)
        dress(self)


class DialogForm(BaseDialogForm):  # type: ignore[misc]
    """The form of a dialog; without fields it is a plain confirmation. Has `request`, `object_id`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        give_back(self.request, self)
        dress(self)


def dress(form: Any) -> None:
    """Give the fields the look of the admin."""
    for field in form.fields.values():
        widget = field.widget
        classes = next((words for kind, words in CLOTHES if isinstance(widget, kind)), [])
        if classes and "class" not in widget.attrs:
            widget.attrs["class"] = " ".join(classes)


def show_service_error(form: Any, error: ServiceError) -> None:
    """Put a service's refusal on a form: at the fields that it names, or at the top."""
    at_fields = {name: text for name, text in error.fields.items() if name in form.fields}
    for name, text in at_fields.items():
        form.add_error(name, error.message if len(at_fields) == 1 else text)
    if not at_fields:
        form.add_error(None, error.message)
