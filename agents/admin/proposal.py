from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from agents.admin.narrowing import ByName
from agents.admin.origins import MODEL
from agents.admin.ties import show_decision
from agents.choices import LABELS, OPEN_PROPOSALS
from agents.models import ProposedAction
from agents.selectors import answers_for
from audits.admin.base import ReadOnlyAdmin
from audits.admin.show import (
    choice_column,
    code_column,
    digest_column,
    json_column,
    link_column,
    time_column,
)


@admin.register(ProposedAction)
class ProposedActionAdmin(ReadOnlyAdmin):
    """Writes that an agent wanted and may not do by itself; a person asks for elevation for one."""

    ledger_kind = "proposal"
    untrusted_text = "Findings are in their scanner's words, arguments in the model's: untrusted text."

    change_form_template = "agents/proposal.html"
    empty_text = "No agent has asked to write anything. A refused write that may be asked for appears here."
    list_display = ("function", "finding_link", "agent", "state_label", "proposed")
    list_filter = ("state", ("agent", ByName))
    list_select_related = ("agent", "finding")
    search_fields = ("function", "resource", "finding__title", "finding__component_name")
    search_help_text = "Function, resource, finding"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("function_word", "state_label"),
                    ("finding_link", "resource_word"),
                    ("agent_link", "run_link"),
                )
            },
        ),
        ("Exactly this", {"fields": ("arguments_json", "digest_full")}),
        ("What became of it", {"fields": (("decision_link", "detail_text"), ("proposed", "resolved"))}),
    )
    history_origins = {"arguments": MODEL}

    function_word = code_column("function", "function")
    resource_word = code_column("resource", "resource")
    state_label = choice_column("state", LABELS)
    finding_link = link_column("finding", "finding")
    agent_link = link_column("agent", "agent")
    run_link = link_column("run", "run")
    proposed = time_column("proposed_at", "proposed")
    resolved = time_column("resolved_at", "resolved")
    arguments_json = json_column("arguments", "arguments", origin=MODEL)
    digest_full = digest_column("digest", "digest of function, resource and arguments", full=True)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProposedAction]:
        proposals: QuerySet[ProposedAction] = super().get_queryset(request)
        return proposals.select_related("agent", "finding", "run__report", "call")

    @admin.display(description="refused by")
    def decision_link(self, proposal: ProposedAction) -> SafeString:
        return show_decision(proposal.call.decision_id)

    @admin.display(description="detail")
    def detail_text(self, proposal: ProposedAction) -> str:
        return proposal.detail

    def story(self, request: HttpRequest, instance: ProposedAction) -> Mapping[str, Any]:
        asks = request.user.has_perm("governance.add_elevation") and answers_for(
            str(request.user.pk), instance.agent
        )
        return {"elevation_url": elevation_url(instance) if asks and instance.state in OPEN_PROPOSALS else ""}


def elevation_url(proposal: ProposedAction) -> str:
    """Where a person asks for the write elevation; the page is governance's, known here by name alone."""
    return f"{reverse('admin:governance_elevation_add')}?proposal={proposal.pk}"
