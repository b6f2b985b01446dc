import re

from django.contrib import admin
from django.urls import reverse
from django.utils.safestring import SafeString

from audits.admin.base import ReadOnlyAdmin
from audits.admin.show import EMPTY, code_column, show_code, show_label, time_column
from audits.models import Key


@admin.register(Key)
class KeyAdmin(ReadOnlyAdmin):
    """The ledger's keys, public halves alone. They are changed on the machine: `manage.py keys`."""

    ledger_kind = "key"
    empty_text = "No key is written down yet: `manage.py prepare` does it."
    list_display = ("id_word", "purpose_name", "state", "first_size", "last_size_text", "created", "ended")
    list_filter = ("purpose",)
    search_fields = ("id", "verifier", "ended", "reason")
    search_help_text = "Id, public half, reason"
    fieldsets = (
        (None, {"fields": (("id_word", "purpose_name"), ("state", "created"))}),
        ("When it counts, in entries of the ledger", {"fields": (("first_size", "last_size_text"),)}),
        ("Why", {"fields": ("reason", "ended")}),
        ("The public half, and what leads to it", {"fields": ("verifier_text", "statement_text")}),
    )

    id_word = code_column("id", "id")
    created = time_column("created_at", "since")

    def address_of(self, name: str) -> str:
        known = re.fullmatch(r"[0-9a-f]{8}", name)
        return reverse("admin:audits_key_change", args=[name]) if known else ""

    @admin.display(description="for", ordering="purpose")
    def purpose_name(self, key: Key) -> str:
        return key.get_purpose_display()

    @admin.display(description="state", ordering="last_size")
    def state(self, key: Key) -> SafeString:
        return show_label("in use", "success") if key.is_current else show_label("ended")

    @admin.display(description="last size", ordering="last_size")
    def last_size_text(self, key: Key) -> SafeString | str:
        return EMPTY if key.last_size is None else str(key.last_size)

    @admin.display(description="verifier key")
    def verifier_text(self, key: Key) -> SafeString:
        return show_code(key.verifier)

    @admin.display(description="statement")
    def statement_text(self, key: Key) -> SafeString:
        return show_code(key.statement)
