"""How values are shown in the admin: the same fact looks the same on every page.

Functions named ``show_*`` turn a value into HTML; functions named ``*_column`` make a column from a
field, for `list_display` and for `fields` alike. Everything that comes from outside is escaped.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from django.db.models import Model
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from audits.admin.references import address_of
from audits.visible import visible

EMPTY = mark_safe("&ndash;")
MINUTE, HOUR, DAY = 60, 3600, 86400
SHORT_NAME = 24
Column = Callable[[Any, Any], SafeString]


def show_label(text: object, colour: str = "default") -> SafeString:
    """A coloured word: success, info, warning, danger, primary or default."""
    if text in ("", None):
        return EMPTY
    html = render_to_string("unfold/helpers/label.html", {"text": text, "type": colour})
    return mark_safe(html.strip())  # noqa: S308 - a template's output, escaped there


def show_choice(instance: Model, field: str, colours: Mapping[Any, str]) -> SafeString:
    """The display name of a field with choices, in its state's colour."""
    value = getattr(instance, field)
    if not value:
        return EMPTY
    text = getattr(instance, f"get_{field}_display")()
    return show_label(text, colours.get(value, "default"))


def show_time(moment: datetime | None) -> SafeString:
    """UTC, ISO 8601, to the second, with how long ago or in how long it is."""
    if moment is None:
        return EMPTY
    return format_html(
        '<span class="cs-moment">{} <span class="cs-hint">{}</span></span>',
        show_moment(moment),
        relative(moment),
    )


def show_moment(moment: datetime) -> SafeString:
    """UTC, ISO 8601, to the second."""
    iso = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return format_html(
        '<time class="cs-time" datetime="{}">{}</time>', iso, iso.replace("T", " ").removesuffix("Z") + " UTC"
    )


def relative(moment: datetime, now: datetime | None = None) -> str:
    """`3 min ago`, `in 2 h`, `just now`."""
    seconds = int((moment - (now or timezone.now())).total_seconds())
    size = abs(seconds)
    if size < MINUTE:
        return "just now" if seconds <= 0 else f"in {size} s"
    for unit, length in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        if size >= length:
            amount = f"{size // length} {unit}"
            break
    return f"in {amount}" if seconds > 0 else f"{amount} ago"


def show_digest(digest: str, *, full: bool = False) -> SafeString:
    """A hash: short in lists with the whole on hover, whole and selectable on its own page."""
    if not digest:
        return EMPTY
    text = digest if full else f"{digest[:12]}…"
    return format_html('<code class="cs-digest" title="{}">{}</code>', digest, text)


def show_reference(reference: str, *, full: bool = False) -> SafeString:
    """A ledger reference such as ``run/<uuid>``, leading to its page where it has one.

    In lists the end of a long id tells rows apart, not its start.
    """
    kind, _, name = reference.partition("/")
    text = reference if full or len(name) <= SHORT_NAME else f"{kind}/…{name[-12:]}"
    address = address_of(reference)
    if address:
        return format_html(
            '<a class="cs-link cs-reference" href="{}" title="{}">{}</a>', address, reference, text
        )
    return format_html('<span class="cs-reference" title="{}">{}</span>', reference, text)


def show_json(value: object, origin: str = "") -> SafeString:
    """JSON as indented text, in the order that it has; marked as untrusted where `origin` says whose."""
    if value in (None, {}, []):
        return EMPTY
    code = show_code(visible(json.dumps(value, indent=2, ensure_ascii=False, default=str)))
    return _untrusted(code, origin) if origin else code


def show_word(text: str) -> SafeString:
    """One technical word, in the letters of code."""
    return format_html("<code>{}</code>", text) if text else EMPTY


def show_code(text: str) -> SafeString:
    """Text that is shown exactly, in a box that scrolls."""
    return format_html('<pre class="cs-code" tabindex="0">{}</pre>', text) if text else EMPTY


def show_untrusted(text: str, origin: str) -> SafeString:
    """Foreign text, marked as such: it is data, whatever it says (promise 8). `origin` says whose.

    Characters that nobody sees are named, so that the text reads as it is.
    """
    return _untrusted(_readable(text), origin) if text else EMPTY


def _readable(text: object) -> str:
    """Text with its unseen characters named; what is HTML already was made of such text."""
    return text if isinstance(text, SafeString) else visible(str(text))


def _untrusted(content: str, origin: str) -> SafeString:
    return format_html(
        '<div class="cs-untrusted"><span class="cs-untrusted-mark">Untrusted text from {}</span>'
        '<div class="cs-untrusted-text">{}</div></div>',
        origin,
        content,
    )


def show_foreign(text: object, origin: str) -> SafeString:
    """A short foreign text in a line or a cell, with the same mark as `show_untrusted`, smaller."""
    if text in ("", None):
        return EMPTY
    return format_html(
        '<span class="cs-foreign" title="Untrusted text from {0}">'
        '<span class="sr-only">Untrusted text from {0}: </span>{1}</span>',
        origin,
        _readable(text),
    )


def show_folded(summary: str, content: SafeString) -> SafeString:
    """What few want to read, behind a word to press."""
    return format_html('<details class="cs-details"><summary>{}</summary>{}</details>', summary, content)


def show_list(items: list[str] | tuple[str, ...]) -> SafeString:
    """Short words side by side."""
    if not items:
        return EMPTY
    return format_html_join(" ", '<span class="cs-word">{}</span>', ((_readable(item),) for item in items))


def show_facts(facts: Mapping[str, object]) -> SafeString:
    """A definition table; empty values are left out."""
    rows = [(name, value) for name, value in facts.items() if value not in ("", None, [], {})]
    if not rows:
        return EMPTY
    body = format_html_join("", "<div><dt>{}</dt><dd>{}</dd></div>", rows)
    return format_html('<dl class="cs-facts">{}</dl>', body)


def show_link(target: Model | None, text: str = "") -> SafeString:
    """A link to the page of another row."""
    if target is None:
        return EMPTY
    options = target._meta  # noqa: SLF001 - public in Django, whatever its name
    name = f"admin:{options.app_label}_{options.model_name}_change"
    address = reverse(name, args=[target.pk])
    return format_html('<a class="cs-link" href="{}">{}</a>', address, _readable(text or target))


def choice_column(field: str, colours: Mapping[Any, str], description: str = "") -> Column:
    """A column with a coloured state; it sorts by the field."""

    def column(_admin: Any, instance: Any) -> SafeString:
        return show_choice(instance, field, colours)

    return _named(column, field, description)


def time_column(field: str, description: str = "") -> Column:
    def column(_admin: Any, instance: Any) -> SafeString:
        return show_time(getattr(instance, field))

    return _named(column, field, description)


def digest_column(field: str, description: str = "", *, full: bool = False) -> Column:
    def column(_admin: Any, instance: Any) -> SafeString:
        return show_digest(getattr(instance, field), full=full)

    return _named(column, field, description)


def json_column(field: str, description: str = "", *, origin: str = "") -> Column:
    def column(_admin: Any, instance: Any) -> SafeString:
        return show_json(getattr(instance, field), origin)

    return _named(column, field, description)


def link_column(path: str, description: str = "") -> Column:
    """A link to a related row; `path` may walk: ``finding.report``. Select it in advance."""

    def column(_admin: Any, instance: Any) -> SafeString:
        return show_link(attrgetter(path)(instance))

    return _named(column, path.replace(".", "__"), description)


def untrusted_column(field: str, origin: str, description: str = "") -> Column:
    def column(_admin: Any, instance: Any) -> SafeString:
        return show_untrusted(getattr(instance, field), origin)

    return _named(column, field, description)


def foreign_column(field: str, origin: str, description: str = "") -> Column:
    def column(_admin: Any, instance: Any) -> SafeString:
        return show_foreign(getattr(instance, field), origin)

    return _named(column, field, description)


def code_column(field: str, description: str = "") -> Column:
    """A word of a closed or technical vocabulary: a function's name, an address."""

    def column(_admin: Any, instance: Any) -> SafeString:
        return show_word(getattr(instance, field))

    return _named(column, field, description)


def reference_column(field: str, description: str = "", *, full: bool = False) -> Column:
    def column(_admin: Any, instance: Any) -> SafeString:
        return show_reference(getattr(instance, field), full=full)

    return _named(column, field, description)


def _named(column: Column, field: str, description: str) -> Column:
    column.short_description = description or field.rpartition("__")[2].replace("_", " ")  # type: ignore[attr-defined]
    column.admin_order_field = field  # type: ignore[attr-defined]
    return column
