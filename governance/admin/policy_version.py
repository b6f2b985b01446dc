"""The Cedar policies that were applied, and which of them decide."""

from django.contrib import admin
from django.utils.safestring import SafeString

from agents.admin.who import show_who
from audits.admin.base import ReadOnlyAdmin
from audits.admin.show import choice_column, digest_column, show_code, show_folded, time_column
from governance.choices import LABELS
from governance.models import PolicyVersion


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ReadOnlyAdmin):
    """They are applied on the machine: `manage.py policy apply`."""

    ledger_kind = "policy_version"
    list_title = "Policies"
    empty_text = (
        "No policies were applied: only agents of the register are decided. See docs/decision-point.md."
    )
    list_display = ("label_text", "state_label", "sha256_short", "applied", "applier")
    list_filter = ("state",)
    search_fields = ("sha256",)
    search_help_text = "SHA-256"
    fieldsets = (
        (None, {"fields": (("label_text", "state_label"), ("applied", "applier"), "replaced")}),
        (
            "SHA-256",
            {"fields": ("sha256_full", "policies_digest", "schema_digest", "entities_digest")},
        ),
        ("What was applied", {"fields": ("policies_text", "schema_text", "entities_text")}),
    )

    state_label = choice_column("state", LABELS)
    applied = time_column("applied_at", "applied")
    replaced = time_column("replaced_at", "replaced")
    sha256_short = digest_column("sha256", "SHA-256")
    sha256_full = digest_column("sha256", "of all", full=True)
    policies_digest = digest_column("policies_sha256", "of the policies", full=True)
    schema_digest = digest_column("schema_sha256", "of the schema", full=True)
    entities_digest = digest_column("entities_sha256", "of the entities", full=True)

    @admin.display(description="version", ordering="number")
    def label_text(self, version: PolicyVersion) -> str:
        return version.label

    @admin.display(description="applied by")
    def applier(self, version: PolicyVersion) -> str:
        return show_who(version.applied_by)

    @admin.display(description="policies")
    def policies_text(self, version: PolicyVersion) -> SafeString:
        return show_code("\n\n".join(f"// {name}\n{text}" for name, text in sorted(version.policies.items())))

    @admin.display(description="schema")
    def schema_text(self, version: PolicyVersion) -> SafeString:
        return show_folded("Show the schema", show_code(version.schema))

    @admin.display(description="entities")
    def entities_text(self, version: PolicyVersion) -> SafeString:
        return show_folded("Show the entities", show_code(version.entities))
