from django.contrib import admin

from agents.admin.origins import MODEL
from agents.admin.timeline import end_words
from agents.models import ModelTurn
from audits.admin.base import ReadOnlyAdmin
from audits.admin.show import json_column, link_column, time_column


@admin.register(ModelTurn)
class ModelTurnAdmin(ReadOnlyAdmin):
    """The exact request and answer of one model turn; the run's timeline leads here."""

    ledger_kind = "turn"

    empty_text = "No model turn yet. Each turn of a run is kept with its request and its answer."
    list_display = ("number", "finding", "run", "tokens", "milliseconds", "answered")
    list_select_related = ("run__report", "finding")
    fieldsets = (
        (None, {"fields": (("run_link", "finding_link"), ("number", "end_words"))}),
        ("Cost", {"fields": (("tokens", "milliseconds"), "answered")}),
        ("Sent", {"fields": ("request_json",)}),
        ("Answered", {"fields": ("response_json",)}),
    )

    run_link = link_column("run", "run")
    finding_link = link_column("finding", "finding")
    answered = time_column("at", "answered")
    request_json = json_column(
        "request", "request", origin="report, NVD and model, among our own instructions"
    )
    response_json = json_column("response", "answer", origin=MODEL)

    @admin.display(description="how it ended")
    def end_words(self, turn: ModelTurn) -> str:
        return end_words(turn.finish_reason)
