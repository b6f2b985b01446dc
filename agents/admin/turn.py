from django.contrib import admin

from agents.models import ModelTurn
from audits.admin.base import ReadOnlyAdmin
from audits.admin.show import json_column, link_column, time_column


@admin.register(ModelTurn)
class ModelTurnAdmin(ReadOnlyAdmin):
    """The exact request and answer of one model turn; the run's timeline leads here."""

    empty_text = "No model turn yet. Each turn of a run is kept with its request and its answer."
    list_display = ("number", "finding", "run", "tokens", "milliseconds", "answered")
    list_select_related = ("run__report", "finding")
    fieldsets = (
        (None, {"fields": (("run_link", "finding_link"), ("number", "finish_reason"))}),
        ("Cost", {"fields": (("tokens", "milliseconds"), "answered")}),
        ("Sent", {"fields": ("request_json",)}),
        ("Answered", {"fields": ("response_json",)}),
    )

    run_link = link_column("run", "run")
    finding_link = link_column("finding", "finding")
    answered = time_column("at", "answered")
    request_json = json_column("request", "request")
    response_json = json_column("response", "response")
