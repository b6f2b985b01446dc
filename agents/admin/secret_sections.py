"""What stands below the facts on a secret's page."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.admin.who import show_who
from agents.choices import LABELS
from agents.models import SecretLease, SecretRotation, SecretUse
from audits.admin.base import Section
from audits.admin.show import (
    EMPTY,
    show_choice,
    show_label,
    show_link,
    show_reference,
    show_time,
    show_word,
)


def _state(rotation: SecretRotation) -> SafeString:
    """With why the last try did not do it."""
    state = show_choice(rotation, "state", LABELS)
    return format_html("{} <div>{}</div>", state, rotation.error) if rotation.error else state


def _versions(rotation: SecretRotation) -> SafeString | str:
    """From which to which; some stores count none."""
    if not (rotation.from_version or rotation.to_version):
        return EMPTY
    return f"{rotation.from_version or '?'} → {rotation.to_version or '?'}"


USES = Section(
    name="uses",
    title="Who may use it",
    model=SecretUse,
    rows=lambda secret: secret.allowed.select_related("agent"),
    columns={
        "Agent": lambda use: show_link(use.agent),
        "Action": lambda use: show_word(use.action),
        "Resource": lambda use: show_word(use.resource),
        "Allowed": lambda use: show_time(use.allowed_at),
        "By": lambda use: show_who(use.allowed_by),
        "Ended": lambda use: show_time(use.ended_at),
    },
    empty="Nobody yet. Allow an agent to use it for an action on a resource.",
)
LEASES = Section(
    name="leases",
    title="Leases",
    model=SecretLease,
    rows=lambda secret: secret.leases.select_related("agent"),
    columns={
        "Agent": lambda lease: show_link(lease.agent),
        "For": lambda lease: show_word(f"{lease.action} on {lease.resource}"),
        "Decision": lambda lease: show_reference(f"decision/{lease.decision_id}"),
        "Version": lambda lease: show_word(lease.version) if lease.version else EMPTY,
        "Left the portal": lambda lease: show_label("Yes", "warning") if lease.handed_out else "No",
        "Given": lambda lease: show_time(lease.leased_at),
        "Until": lambda lease: show_time(lease.ended_at or lease.expires_at),
        "Ended early": lambda lease: lease.get_end_reason_display(),
    },
    empty="Nobody was given it yet.",
)
ROTATIONS = Section(
    name="rotations",
    title="Rotations",
    model=SecretRotation,
    rows=lambda secret: secret.rotations.all(),
    columns={
        "Why": lambda rotation: rotation.get_reason_display(),
        "State": _state,
        "By": lambda rotation: rotation.get_rotator_display(),
        "Asked": lambda rotation: show_time(rotation.asked_at),
        "Done, or due": lambda rotation: show_time(rotation.rotated_at or rotation.due_at),
        "Versions": _versions,
        "Old one until": lambda rotation: show_time(rotation.ended_at or rotation.overlap_until),
    },
    empty="It was not rotated since it is known here.",
)
