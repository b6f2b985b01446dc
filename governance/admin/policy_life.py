"""The life of a policy version, as its page tells it: the steps, what comes next, what would change."""

from collections.abc import Iterator
from typing import Any

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audits.admin.base import Section
from audits.admin.show import (
    show_choice,
    show_digest,
    show_foreign,
    show_label,
    show_link,
    show_time,
    show_untrusted,
)
from governance.admin.line_diff import show_lines
from governance.choices import LABELS, DecisionReason, Discipline, PolicyState
from governance.models import PolicyDifference, PolicyReplay, PolicyVersion, PolicyVote
from governance.services.policy_votes import APPROVERS

CHANGES = {
    "allow_to_deny": "Allowed now, would be denied",
    "deny_to_allow": "Denied now, would be allowed",
    "obligations": "Allowed, under other obligations",
}
NEXT = {
    PolicyState.DRAFT: "Its author goes on editing it. Validate it: from then on it never changes.",
    PolicyState.VALIDATED: "Replay it over recorded decisions, then let it run in shadow.",
    PolicyState.SHADOW: "It is asked beside the active version, and changes no answer. Propose it next.",
    PolicyState.PROPOSED: "Two people with a seat on the board approve what this page shows; one can reject.",
    PolicyState.ACTIVE: "It decides.",
    PolicyState.SUPERSEDED: "It decided before, and can be rolled back to in one step.",
    PolicyState.WITHDRAWN: "It was given up and never decides.",
}

VOTES = Section(
    name="votes",
    title="Votes",
    model=PolicyVote,
    rows=lambda version: version.votes.select_related("person"),
    columns={
        "Person": lambda vote: str(vote.person),
        "Seat": lambda vote: Discipline(vote.discipline).label,
        "Vote": lambda vote: show_choice(vote, "choice", LABELS),
        "Comment": lambda vote: show_untrusted(vote.comment, f"{vote.person}, who voted"),
        "On": lambda vote: show_digest(vote.digest),
        "When": lambda vote: show_time(vote.voted_at),
    },
    empty="Nobody has voted on it.",
)
SHADOW = Section(
    name="shadow",
    title="What its shadow noticed",
    model=PolicyDifference,
    rows=lambda version: version.differences.select_related("decision__agent"),
    columns={
        "Decision": lambda row: show_link(row.decision),
        "Would have been": lambda row: show_label(
            "Allowed" if row.allowed else "Denied", "success" if row.allowed else "danger"
        ),
        "Because": lambda row: DecisionReason(row.reason).label,
        "It would have said": lambda row: row.message,
        "When": lambda row: show_time(row.noticed_at),
    },
    empty="Nothing: it was not in shadow, or no live decision would have come out differently.",
)


def steps(version: PolicyVersion, replay: PolicyReplay | None) -> list[dict[str, object]]:
    """Each step with its time; the icon says whether it is done."""
    taken = (
        ("Drafted", version.drafted_at),
        ("Validated", version.validated_at),
        ("What-if", replay.replayed_at if replay else None),
        ("In shadow", version.shadow_started_at),
        ("Proposed", version.proposed_at),
        ("Active", version.applied_at),
    )
    shown: list[dict[str, object]] = [
        {
            "name": name,
            "at": show_time(at) if at else "not yet",
            "icon": "check" if at else "hourglass_empty",
            "colour": "success" if at else "default",
        }
        for name, at in taken
    ]
    for name, at in (("Superseded", version.replaced_at), ("Withdrawn", version.withdrawn_at)):
        if at:
            shown.append({"name": name, "at": show_time(at), "icon": "block", "colour": "default"})
    return shown


def standing(version: PolicyVersion) -> str:
    """What comes next, in a sentence."""
    said = NEXT[PolicyState(version.state)]
    if version.state != PolicyState.PROPOSED:
        return said
    approving = sum(vote.choice == "approve" for vote in version.votes.all())
    return f"{said} {approving} of {APPROVERS} approvals are there."


def differences(version: PolicyVersion, against: PolicyVersion | None) -> list[dict[str, Any]]:
    """File by file, what differs from another version."""
    return [
        {"name": name, "lines": lines}
        for name, before, after in _files(version, against)
        if (lines := show_lines(before, after))
    ]


def _files(version: PolicyVersion, against: PolicyVersion | None) -> Iterator[tuple[str, str, str]]:
    old = against.policies if against else {}
    for name in sorted({*version.policies, *old}):
        yield name, old.get(name, ""), version.policies.get(name, "")
    yield "schema.cedarschema", against.schema if against else "", version.schema
    yield "entities.json", against.entities if against else "[]", version.entities


def what_if(replay: PolicyReplay | None) -> dict[str, Any] | None:
    """The latest replay: its figures, and a row for each subject, action and change."""
    if replay is None:
        return None
    return {
        "row": replay,
        "digest": show_digest(replay.sha256),
        "at": show_time(replay.replayed_at),
        "against": replay.against.label if replay.against else "no policies",
        "period": (show_time(replay.first_at), show_time(replay.last_at)) if replay.first_at else None,
        "rows": [
            {
                "subject": row["subject"],
                "action": show_foreign(row["action"], "who asked"),
                "change": CHANGES[row["change"]],
                "count": row["count"],
                "examples": _examples(row["examples"]),
            }
            for row in replay.result
        ],
    }


def _examples(examples: list[dict[str, str]]) -> SafeString:
    found = (
        (
            reverse("admin:governance_decision_change", args=[one["decision"]]),
            one["decision"][:8],
            one["message"],
        )
        for one in examples
    )
    rows = format_html_join("", '<li><a class="cs-link" href="{}">{}</a>: {}</li>', found)
    return format_html('<ul class="cs-answers">{}</ul>', rows)
