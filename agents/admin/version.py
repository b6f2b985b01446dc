from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from agents import permissions
from agents.admin.access import show_access
from agents.admin.narrowing import ByName
from agents.admin.origins import OWNER_SIDE
from agents.admin.version_form import VersionForm
from agents.admin.version_test import TESTS
from agents.choices import LABELS
from agents.models import AgentInstance, AgentVersion, Person, Run
from agents.services import register
from audits.admin.base import AddByService, Section
from audits.admin.show import (
    digest_column,
    link_column,
    show_choice,
    show_facts,
    show_folded,
    show_json,
    show_link,
    show_time,
    show_untrusted,
    show_word,
    time_column,
)

RUNS = Section(
    name="runs",
    title="Runs of this version",
    model=Run,
    rows=lambda version: version.runs.select_related("report"),
    columns={
        "Report": lambda run: show_link(run, str(run.report)),
        "State": lambda run: show_choice(run, "state", LABELS),
        "Queued": lambda run: show_time(run.queued_at),
    },
    empty="This version has not run.",
)
INSTANCES = Section(
    name="instances",
    title="Instances",
    model=AgentInstance,
    rows=lambda version: version.instances.all(),
    columns={
        "SPIFFE id": lambda instance: instance.spiffe_id,
        "Started": lambda instance: show_time(instance.started_at),
        "Ended": lambda instance: show_time(instance.ended_at),
    },
    empty="No copy of this version was started.",
)


@admin.register(AgentVersion)
class AgentVersionAdmin(AddByService):
    """What runs, with its provenance (S1-11)."""

    add_form = VersionForm
    add_title = "Add a version"
    add_description = (
        "One build of an agent, with where it comes from. It runs only once the board has approved it, and "
        "does not change once it is submitted."
    )
    add_submit = "Add version"
    change_form_template = "agents/version.html"

    ledger_kind = "version"

    empty_text = "No version was added yet. A version is what the board approves."
    list_display = ("label", "agent", "model_words", "digest_short", "added_by", "added", "submitted")
    list_filter = (("agent", ByName),)
    list_select_related = ("agent", "added_by")
    search_fields = ("label", "agent__name", "agent__slug", "digest", "model_name")
    search_help_text = "Label, agent, model, digest"
    list_title = "Versions"
    fieldsets = (
        (None, {"fields": (("agent_link", "label"), ("adder", "added"), "submitted")}),
        (
            "Provenance",
            {
                "fields": (
                    "model_words",
                    "prompt_digest_full",
                    "code_commit_full",
                    ("data_snapshot", "image_digest"),
                    "digest_full",
                )
            },
        ),
        ("Functions it may call", {"fields": ("manifest",)}),
    )
    sections: tuple[Section, ...] = (TESTS, RUNS, INSTANCES)
    history_origins = {"tool_manifest": OWNER_SIDE}

    agent_link = link_column("agent", "agent")
    added = time_column("added_at", "added")
    submitted = time_column("submitted_at", "submitted")
    digest_short = digest_column("digest", "provenance digest")
    digest_full = digest_column("digest", "digest of all this, SHA-256", full=True)
    prompt_digest_full = digest_column("prompt_digest", "system prompt, SHA-256", full=True)
    code_commit_full = digest_column("code_commit", "code", full=True)

    def add_by_service(self, request: HttpRequest, form: VersionForm) -> tuple[Model, str]:
        version = register.add_version(
            actor=request.user,  # type: ignore[arg-type]
            agent=form.cleaned_data["agent"],
            label=form.cleaned_data["label"],
            provenance=form.provenance,
        )
        return version, "Added. It runs only once the board has approved it."

    def story(self, request: HttpRequest, instance: AgentVersion) -> Mapping[str, Any]:
        person = request.user
        if not isinstance(person, Person) or not self.has_add_permission(request):
            return {}
        if permissions.why_not_change(person, instance.agent):
            return {}
        return {"derive_url": f"{reverse('admin:agents_agentversion_add')}?from={instance.pk}"}

    @admin.display(description="model", ordering="model_name")
    def model_words(self, version: AgentVersion) -> str:
        return f"{version.model_provider} / {version.model_name} {version.model_version}".strip()

    @admin.display(description="added by")
    def adder(self, version: AgentVersion) -> str:
        return str(version.added_by)

    @admin.display(description="functions")
    def manifest(self, version: AgentVersion) -> SafeString:
        return format_html_join("", "{}", ((_show_tool(tool),) for tool in version.tool_manifest))


def _show_tool(tool: dict[str, object]) -> SafeString:
    return show_facts(
        {
            "Function": show_word(str(tool["name"])),
            "Access": show_access(str(tool["access"])),
            "Resource": show_word(str(tool["resource"])),
            "Does": show_untrusted(str(tool.get("description", "")), OWNER_SIDE),
            "Parameters": show_folded("Show them", show_json(tool.get("parameters"), OWNER_SIDE)),
        }
    )
