"""Form fields of the register's pages: rows named by their slug, short words in one line, days."""

import re
from typing import Any

from django import forms
from django.db.models import Model, QuerySet
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audits.admin.base import DialogForm

SUGGESTED = 100


class SuggestingInput(forms.TextInput):
    """A line of text for which the browser suggests words; `words` gives pairs of a value and what it is."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.queries: tuple[QuerySet[Any], ...] = ()

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        listed = f"{(attrs or {}).get('id', name)}_words"
        line = super().render(name, value, {**(attrs or {}), "list": listed}, renderer)
        pairs = [pair for rows in self.queries for pair in rows.values_list("slug", "name")[:SUGGESTED]]
        options = format_html_join("", '<option value="{}">{}</option>', pairs)
        return format_html('{}<datalist id="{}">{}</datalist>', line, listed, options)


class RowField(forms.CharField):
    """One of many rows, by its slug: a list of ten thousand to choose from is none."""

    widget = SuggestingInput

    def __init__(self, rows: QuerySet[Any], **options: Any) -> None:
        super().__init__(**options)
        self.rows = rows
        self.widget.queries = (rows,)

    def clean(self, value: Any) -> Any:
        slug = super().clean(value)
        return row_named(self.rows, slug) if slug else None

    def prepare_value(self, value: Any) -> Any:
        return getattr(value, "slug", value)


class WordsField(forms.CharField):
    """Short words, with commas between them."""

    def clean(self, value: Any) -> Any:
        return [word for each in re.split(r"[,\n]", super().clean(value)) if (word := each.strip())]

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value


def row_named(rows: QuerySet[Any], slug: str) -> Model:
    """The row of that slug.

    Raises:
        ValidationError: there is none.
    """
    found: Model | None = rows.filter(slug=slug).first()
    if found is None:
        what = rows.model._meta.verbose_name  # noqa: SLF001 - public in Django, whatever its name
        raise forms.ValidationError(f"There is no {what} {slug!r} here. Give its slug, as its page shows it.")
    return found


class EndForm(DialogForm):
    """Why something in the register has ended."""

    reason = forms.CharField(
        label="Why", max_length=10_000, widget=forms.Textarea(attrs={"rows": 3}), strip=True
    )


def day(label: str, help_text: str = "", *, required: bool = False) -> forms.DateField:
    """A calendar day."""
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    return forms.DateField(label=label, help_text=help_text, required=required, widget=widget)


def text(label: str, help_text: str = "", *, required: bool = False) -> forms.CharField:
    """A few lines."""
    widget = forms.Textarea(attrs={"rows": 3})
    return forms.CharField(
        label=label, help_text=help_text, required=required, widget=widget, max_length=10_000
    )
