"""Policy versions: written, tried out, approved by two, rolled back; each page tells its life."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.who import show_who
from audits.admin.base import ActionVariant, AddByService, Done, dialog_action
from audits.admin.rows import row_of
from audits.admin.show import (
    choice_column,
    digest_column,
    show_code,
    show_digest,
    show_folded,
    show_untrusted,
    time_column,
)
from audits.errors import Invalid
from governance import active_policy, cedar, policy_permissions
from governance.admin import policy_life
from governance.admin.policy_forms import (
    EditForm,
    ReasonedVoteForm,
    ReasonForm,
    ReplayForm,
    TextForm,
    VoteForm,
)
from governance.admin.who import authentication_of, person_of
from governance.choices import LABELS, PolicyChoice, PolicyState
from governance.models import PolicyVersion
from governance.services import policies, policy_trials, policy_votes


@admin.register(PolicyVersion)
class PolicyVersionAdmin(AddByService):
    """Cedar policies from draft to superseded."""

    ledger_kind = "policy_version"
    list_title = "Policies"
    change_form_template = "governance/policy_version.html"
    empty_text = (
        "There are no policies: only agents of the register are decided. See docs/policies.md, or draft some."
    )
    add_form = TextForm
    add_title = "Draft policies"
    add_description = (
        "It begins as what decides now. A draft decides nothing: it is validated, replayed over recorded "
        "decisions, run in shadow, and approved by two people first."
    )
    add_submit = "Keep the draft"
    list_display = ("label_text", "title", "state_label", "sha256_short", "drafted", "applied", "writer")
    list_filter = ("state",)
    list_select_related = ("author",)
    search_fields = ("title", "sha256")
    search_help_text = "Title, SHA-256"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("label_text", "state_label"),
                    ("title", "writer"),
                    ("applied", "replaced"),
                    ("proposer", "agents_words"),
                    "reason_text",
                )
            },
        ),
        (
            "SHA-256",
            {"fields": ("sha256_full", "policies_digest", "schema_digest", "entities_digest")},
        ),
        ("The text", {"fields": ("policies_text", "schema_text", "entities_text")}),
    )
    sections = (policy_life.VOTES, policy_life.SHADOW)
    actions_detail = (
        "edit",
        "validate",
        "what_if",
        "start_shadow",
        "stop_shadow",
        "propose",
        "approve",
        "reject",
        "roll_back",
        "withdraw",
    )

    state_label = choice_column("state", LABELS)
    drafted = time_column("drafted_at", "drafted")
    applied = time_column("applied_at", "decides since")
    replaced = time_column("replaced_at", "superseded")
    sha256_short = digest_column("sha256", "SHA-256")
    sha256_full = digest_column("sha256", "of all: what is voted on", full=True)
    policies_digest = digest_column("policies_sha256", "of the policies", full=True)
    schema_digest = digest_column("schema_sha256", "of the schema", full=True)
    entities_digest = digest_column("entities_sha256", "of the entities", full=True)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PolicyVersion]:
        rows: QuerySet[PolicyVersion] = super().get_queryset(request)
        return rows.select_related("author", "proposed_by").prefetch_related("votes")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """The buttons are for those whom the services let; they decide either way."""
        version = self.get_object(request, str(object_id))
        wanted = policy_permissions.open_to(person_of(request), version) if version else set()
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return [action for action in actions if (action.attrs or {})["data-action"] in wanted]

    def story(self, request: HttpRequest, instance: PolicyVersion) -> Mapping[str, Any]:
        replay = instance.replays.select_related("against").order_by("-replayed_at", "-pk").first()
        against = PolicyVersion.objects.filter(state=PolicyState.ACTIVE).exclude(pk=instance.pk).first()
        proposed = instance.state == PolicyState.PROPOSED
        stored = cedar.digests(instance.policies, instance.schema, instance.entities)
        return {
            "intact": stored["sha256"] == instance.sha256,
            "standing": policy_life.standing(instance),
            "why_not": policy_permissions.against_voting_now(person_of(request), instance)
            if proposed
            else "",
            "digest": show_digest(instance.sha256, full=True) if proposed else "",
            "steps": policy_life.steps(instance, replay),
            "problem": _problem(instance) if instance.state == PolicyState.DRAFT else "",
            "what_if": policy_life.what_if(replay),
            "against": against.label if against else "",
            "differences": policy_life.differences(instance, against) if against else None,
        }

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        version = policies.draft(actor=person_of(request).actor, **form.text)
        return version, f"{version.label} is kept as a draft. Validate it next."

    @dialog_action(
        title="Edit",
        description="It stays a draft. What was validated is not edited any more.",
        submit="Save",
        permissions=("view",),
        form_class=EditForm,
        icon="edit",
    )
    def edit(self, request: HttpRequest, form: Any, object_id: str) -> str:
        version = policies.edit(actor=person_of(request).actor, version=_row(object_id), **form.text)
        return f"{version.label} is saved."

    @dialog_action(
        title="Validate",
        description="It is checked against its schema. From then on no byte of it changes.",
        submit="Validate",
        permissions=("view",),
        icon="rule",
    )
    def validate(self, request: HttpRequest, form: Any, object_id: str) -> str:
        version = policies.validate(actor=person_of(request).actor, version=_row(object_id))
        return f"{version.label} is valid."

    @dialog_action(
        title="What if",
        description="Recorded decisions are asked again, under this version and under what decides now. "
        "It changes nothing; what would come out differently is kept here.",
        submit="Replay",
        permissions=("view",),
        form_class=ReplayForm,
        icon="history",
    )
    def what_if(self, request: HttpRequest, form: Any, object_id: str) -> str:
        found = policy_trials.replay(
            actor=person_of(request).actor, version=_row(object_id), last=form.cleaned_data["last"]
        )
        return f"{found.changed} of {found.replayed} decisions would come out differently."

    @dialog_action(
        title="Start shadow",
        description="It is asked beside what decides, on live decisions. It changes no answer; what differs "
        "is kept here.",
        submit="Start",
        permissions=("view",),
        icon="visibility",
    )
    def start_shadow(self, request: HttpRequest, form: Any, object_id: str) -> str:
        version = policy_trials.start_shadow(actor=person_of(request).actor, version=_row(object_id))
        return f"{version.label} runs in shadow."

    @dialog_action(
        title="Stop shadow",
        description="It is asked no more. What it noticed stays.",
        submit="Stop",
        permissions=("view",),
        icon="visibility_off",
    )
    def stop_shadow(self, request: HttpRequest, form: Any, object_id: str) -> str:
        version = policy_trials.stop_shadow(actor=person_of(request).actor, version=_row(object_id))
        return f"{version.label} is in shadow no more."

    @dialog_action(
        title="Propose",
        description="Two people with a seat on the board are asked to approve it. You are none of them.",
        submit="Propose",
        permissions=("view",),
        icon="how_to_vote",
    )
    def propose(self, request: HttpRequest, form: Any, object_id: str) -> str:
        version = policy_votes.propose(actor=person_of(request), version=_row(object_id))
        return f"{version.label} waits for two approvals."

    @dialog_action(
        title="Approve",
        description="You stand for exactly these bytes. The second approval lets them decide, at once.",
        submit="Approve",
        permissions=("view",),
        form_class=VoteForm,
        icon="check",
        variant=ActionVariant.SUCCESS,
        reauthenticate=True,
    )
    def approve(self, request: HttpRequest, form: Any, object_id: str) -> str:
        version = _vote(request, form, object_id, PolicyChoice.APPROVE)
        return f"{version.label} decides now." if version.state == PolicyState.ACTIVE else "You approved it."

    @dialog_action(
        title="Reject",
        description="It is withdrawn, and never decides. Say what has to change.",
        submit="Reject",
        permissions=("view",),
        form_class=ReasonedVoteForm,
        icon="close",
        variant=ActionVariant.DANGER,
        reauthenticate=True,
    )
    def reject(self, request: HttpRequest, form: Any, object_id: str) -> str:
        return f"{_vote(request, form, object_id, PolicyChoice.REJECT).label} is withdrawn."

    @dialog_action(
        title="Roll back to this",
        description="It decides again, at once, as it was approved. What decides now is superseded.",
        submit="Roll back",
        permissions=("view",),
        form_class=ReasonedVoteForm,
        icon="undo",
        variant=ActionVariant.DANGER,
        reauthenticate=True,
    )
    def roll_back(self, request: HttpRequest, form: Any, object_id: str) -> str | Done:
        version = policy_votes.roll_back(
            actor=person_of(request),
            version=_row(object_id),
            digest=form.cleaned_data["digest"],
            reason=form.cleaned_data["comment"],
            authentication=authentication_of(request),
        )
        return f"{version.label} decides again."

    @dialog_action(
        title="Withdraw",
        description="It is given up, and stays to be read.",
        submit="Withdraw",
        permissions=("view",),
        form_class=ReasonForm,
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def withdraw(self, request: HttpRequest, form: Any, object_id: str) -> str:
        version = policies.withdraw(
            actor=person_of(request).actor, version=_row(object_id), reason=form.cleaned_data["reason"]
        )
        return f"{version.label} is withdrawn."

    @admin.display(description="version", ordering="number")
    def label_text(self, version: PolicyVersion) -> str:
        return version.label

    @admin.display(description="written by")
    def writer(self, version: PolicyVersion) -> str:
        return str(version.author) if version.author else show_who(version.drafted_by)

    @admin.display(description="proposed by")
    def proposer(self, version: PolicyVersion) -> str:
        return str(version.proposed_by) if version.proposed_by else "Nobody"

    @admin.display(description="about agents")
    def agents_words(self, version: PolicyVersion) -> str:
        read = active_policy.read(version).policies if version.state != PolicyState.DRAFT else None
        if read is None:
            return "Known once it is validated"
        if not read.for_agents:
            return "Says nothing: its schema has no actions of AgentInstance"
        return "Guardrails, and a permit beside each grant" if read.agents_need_permit else "Guardrails"

    @admin.display(description="why")
    def reason_text(self, version: PolicyVersion) -> SafeString:
        return show_untrusted(version.reason, "who withdrew it or rolled back to it")

    @admin.display(description="policies")
    def policies_text(self, version: PolicyVersion) -> SafeString:
        return show_code("\n\n".join(f"// {name}\n{text}" for name, text in sorted(version.policies.items())))

    @admin.display(description="schema")
    def schema_text(self, version: PolicyVersion) -> SafeString:
        return show_folded("Show the schema", show_code(version.schema))

    @admin.display(description="entities")
    def entities_text(self, version: PolicyVersion) -> SafeString:
        return show_folded("Show the entities", show_code(version.entities))


def _row(object_id: str) -> PolicyVersion:
    return row_of(PolicyVersion.objects.all(), object_id)


def _vote(request: HttpRequest, form: Any, object_id: str, choice: PolicyChoice) -> PolicyVersion:
    return policy_votes.vote(
        actor=person_of(request),
        version=_row(object_id),
        choice=choice,
        digest=form.cleaned_data["digest"],
        authentication=authentication_of(request),
        comment=form.cleaned_data["comment"],
    )


def _problem(version: PolicyVersion) -> str:
    """Why a draft could not be validated as it is."""
    try:
        policies.check(policies.Text(version.policies, version.schema, version.entities))
    except Invalid as error:
        return error.message
    return ""
