from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from audits.admin.base import ReadOnlyAdmin, dialog_action
from audits.admin.reader import actor_of
from audits.admin.rows import row_of
from audits.admin.show import (
    choice_column,
    show_code,
    show_foreign,
    show_label,
    show_link,
    show_untrusted,
    time_column,
)
from audits.choices import AnchorState
from audits.models import Anchor, Checkpoint
from audits.services import anchoring

COLOURS = {AnchorState.PENDING: "info", AnchorState.ANCHORED: "success", AnchorState.FAILED: "danger"}
OUTSIDE = "the anchor or the network"


@admin.register(Anchor)
class AnchorAdmin(ReadOnlyAdmin):
    """What was published outside, and whether it was still there when it was last looked for."""

    ledger_kind = "anchor"
    empty_text = (
        "Nothing is anchored. Name a place outside in COUNTERSIGN_ANCHORS: without one, nobody finds a "
        "ledger that was rewritten with every key."
    )
    list_display = ("sink", "level_name", "size", "state_label", "anchored", "checked", "check_label")
    list_filter = ("state", "level", "sink")
    search_fields = ("sink", "error", "check_problem")
    search_help_text = "Anchor, error, problem"
    fieldsets = (
        (None, {"fields": (("sink", "level_name"), ("size", "state_label"))}),
        ("Published", {"fields": (("anchored", "attempts"), "error_text", "checkpoint_link")}),
        ("Checked again", {"fields": (("checked", "check_label"), "problem_text")}),
        ("What was published, and the receipt", {"fields": ("note_text", "receipt_text")}),
    )
    actions_detail = ("check_again",)

    state_label = choice_column("state", COLOURS, "state")
    anchored = time_column("anchored_at", "anchored")
    checked = time_column("checked_at", "checked")

    @admin.display(description="protects", ordering="level")
    def level_name(self, anchor: Anchor) -> str:
        return anchor.get_level_display()

    @admin.display(description="when checked", ordering="check_problem")
    def check_label(self, anchor: Anchor) -> SafeString | str:
        if anchor.check_problem:
            return show_label("wrong", "danger")
        return show_label("there", "success") if anchor.checked_at else show_label("not checked yet")

    @admin.display(description="last error")
    def error_text(self, anchor: Anchor) -> SafeString:
        return show_foreign(anchor.error, OUTSIDE)

    @admin.display(description="problem")
    def problem_text(self, anchor: Anchor) -> SafeString:
        return show_untrusted(anchor.check_problem, OUTSIDE)

    @admin.display(description="checkpoint")
    def checkpoint_link(self, anchor: Anchor) -> SafeString:
        return show_link(Checkpoint.objects.filter(size=anchor.size).first())

    @admin.display(description="note")
    def note_text(self, anchor: Anchor) -> SafeString:
        return show_code(anchor.note)

    @admin.display(description="receipt")
    def receipt_text(self, anchor: Anchor) -> SafeString:
        receipt = bytes(anchor.receipt)
        try:
            return show_untrusted(receipt.decode(), OUTSIDE)
        except UnicodeDecodeError:
            return show_code(receipt.hex(" ", 32).replace(" ", "\n"))

    @dialog_action(
        title="Check again",
        description="The anchor is asked whether it still has this checkpoint, and that is compared with the "
        "ledger. The check is recorded.",
        submit="Check",
        permissions=("audits.view_anchor",),
        icon="fact_check",
    )
    def check_again(self, request: HttpRequest, form: Any, object_id: str) -> str:
        anchor = row_of(Anchor.objects.all(), object_id)
        checked = anchoring.check(actor=actor_of(request), anchor=anchor)
        if checked.check_problem:
            return f"WRONG: {checked.check_problem}"
        return f"{checked.sink} has the checkpoint of {checked.size} entries, and it is the ledger's."
