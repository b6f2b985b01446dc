"""The agent policy (S1-1): what counts now, what counted before, and applying another."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents import policy, policy_rules
from agents.admin.who import show_who
from agents.choices import LABELS, AgentPolicyState
from agents.models import AgentPolicy
from agents.policy_rules import ANY, UNATTENDED_WORDS, Policy, ProblemClass
from agents.services import agent_policies
from audits.admin.base import AddByService, ServiceForm
from audits.admin.reader import actor_of
from audits.admin.show import (
    EMPTY,
    choice_column,
    digest_column,
    show_code,
    show_facts,
    show_folded,
    show_link,
    show_list,
    time_column,
)

SHOWN = 50


class PolicyForm(ServiceForm):
    """The input of `agent_policies.apply`; it begins as the policy that counts."""

    text = forms.CharField(
        label="Policy",
        widget=forms.Textarea(attrs={"rows": 30, "spellcheck": "false", "class": "cs-policy"}),
        help_text="YAML. What is wrong is said with its line and field.",
    )
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}), help_text="Why it changes; it is recorded."
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.initial.setdefault("text", policy.active().yaml)

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"].replace("\r\n", "\n")
        try:
            policy_rules.parse(text)
        except policy_rules.PolicyError as error:
            raise forms.ValidationError([str(problem) for problem in error.problems]) from error
        return text


@admin.register(AgentPolicy)
class AgentPolicyAdmin(AddByService):
    """Which units may request agents, for which problems, how supervised, and where they act alone."""

    ledger_kind = "agent_policy"
    list_title = "Agent policy"
    list_before_template = "agents/policy_now.html"
    empty_text = "None was applied: what ships with the product counts. It is shown above."
    add_form = PolicyForm
    add_title = "Apply an agent policy"
    add_description = (
        "It counts for what is registered and amended from now on. Agents that it leaves outside keep what "
        "they have: they are shown and reported, and their owners have to act."
    )
    add_submit = "Apply"
    reauthenticate = True
    list_display = ("label", "state_label", "applied", "applier", "digest_short")
    list_filter = ("state",)
    search_fields = ("reason", "sha256")
    search_help_text = "Reason, SHA-256"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("label", "state_label"),
                    ("applied", "applier"),
                    ("reason", "replaced"),
                    "digest_full",
                )
            },
        ),
        ("What it says", {"fields": ("units", "classes", "text")}),
        ("Against the one before", {"fields": ("differences",)}),
        ("Agents outside it", {"fields": ("outside",)}),
    )

    state_label = choice_column("state", LABELS)
    applied = time_column("applied_at", "applied")
    replaced = time_column("replaced_at", "replaced")
    digest_short = digest_column("sha256", "SHA-256")
    digest_full = digest_column("sha256", "SHA-256", full=True)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        counts = policy.active()
        shown = {
            "policy_units": _units(counts),
            "policy_classes": _classes(counts),
            "policy_text": counts.yaml,
        }
        return super().changelist_view(request, {**shown, **(extra_context or {})})

    def add_by_service(self, request: HttpRequest, form: PolicyForm) -> tuple[Model, str]:
        applied = agent_policies.apply(actor=actor_of(request), **form.cleaned_data)
        left = len(policy.agents_outside())
        outside = (
            f"{left} agent{'' if left == 1 else 's'} that it leaves outside: see below"
            if left
            else "no agent outside it"
        )
        return (
            applied,
            f"It counts from now on. There is {outside}."
            if left <= 1
            else f"It counts from now on. There are {outside}.",
        )

    @admin.display(description="policy", ordering="number")
    def label(self, applied: AgentPolicy) -> str:
        return str(applied)

    @admin.display(description="applied by")
    def applier(self, applied: AgentPolicy) -> str:
        return show_who(applied.applied_by)

    @admin.display(description="who may request agents")
    def units(self, applied: AgentPolicy) -> SafeString:
        return _units(_policy(applied))

    @admin.display(description="problem classes")
    def classes(self, applied: AgentPolicy) -> SafeString:
        return _classes(_policy(applied))

    @admin.display(description="as YAML")
    def text(self, applied: AgentPolicy) -> SafeString:
        return show_folded("Show it", show_code(_policy(applied).yaml))

    @admin.display(description="differences")
    def differences(self, applied: AgentPolicy) -> SafeString:
        before = AgentPolicy.objects.filter(number=applied.number - 1).first()
        older = _policy(before) if before else policy.shipped()
        return show_facts(dict(_differences(older, _policy(applied)))) or EMPTY

    @admin.display(description="agents")
    def outside(self, applied: AgentPolicy) -> Any:
        if applied.state != AgentPolicyState.ACTIVE:
            return "It does not count any more."
        left = policy.agents_outside()
        if not left:
            return "Every agent that is not retired is within it."
        shown = ((show_link(agent), " ".join(one.sentence for one in wrong)) for agent, wrong in left[:SHOWN])
        more = format_html("<li>and {} more</li>", len(left) - SHOWN) if len(left) > SHOWN else ""
        return format_html(
            '<ul class="cs-answers">{}{}</ul>', format_html_join("", "<li>{}: {}</li>", shown), more
        )


def _policy(applied: AgentPolicy) -> Policy:
    return Policy.model_validate(applied.document)


def _units(counts: Policy) -> SafeString:
    return show_list(["any business unit"] if counts.business_units == ANY else list(counts.business_units))


def _classes(counts: Policy) -> SafeString:
    return format_html_join("", "{}", ((show_facts(_facts(one)),) for one in counts.problem_classes))


def _facts(one: ProblemClass) -> Mapping[str, object]:
    return {
        "Class": format_html("<strong>{}</strong> <code>{}</code>", one.name, one.slug),
        "Is about": one.description,
        "Highest autonomy": one.highest_autonomy.label,
        "Supervision": one.supervision,
        "Acts alone": UNATTENDED_WORDS[one.unattended],
    }


def _differences(before: Policy, after: Policy) -> list[tuple[str, SafeString]]:
    """Field by field, what was said and what is said now."""
    old, new = _flat(before), _flat(after)
    names = dict.fromkeys([*new, *old])
    return [
        (
            name,
            format_html('<span class="cs-before">{}</span> {}', old.get(name, ""), new.get(name, "(gone)")),
        )
        for name in names
        if old.get(name) != new.get(name)
    ]


def _flat(counts: Policy) -> dict[str, str]:
    units = (
        counts.business_units if isinstance(counts.business_units, str) else ", ".join(counts.business_units)
    )
    found = {"business_units": units}
    for one in counts.problem_classes:
        found |= {f"{one.slug}.{name}": str(value) for name, value in one.model_dump(mode="json").items()}
    return found
