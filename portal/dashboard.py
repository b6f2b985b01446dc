"""The overview: real figures of what is going on, for the person at the screen."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.db.models import Count, Max
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from agents.admin.planner import show_planner
from agents.analyst import SLUG
from agents.choices import LABELS, STEWARDS, AgentState
from agents.models import Agent, Person, Run
from audits.admin.show import relative, show_choice, show_label, show_link, show_time
from audits.admin.sight import Sight
from audits.choices import Action, Verdict
from audits.errors import ServiceError
from audits.models import Bundle, Checkpoint, Entry, Event, Pending, Verification
from audits.services import anchoring, erasure, siem, verification
from governance import selectors
from governance.choices import Discipline
from portal import registration, waiting
from portal.roles import AUDITORS, BOARD, OWNERS

SHOWN = 5
MINUTE = 60


ROLES = {OWNERS: "owner", BOARD: "board", AUDITORS: "auditor", STEWARDS: "steward"}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that this person can do, and where."""

    text: str
    url: str
    label: str


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the overview shows; a card is there for those who may view what it counts."""
    may = request.user.has_perm
    groups = waiting.groups(cast("Person", request.user), most=SHOWN)
    return {
        **context,
        "standing": standing(cast("Person", request.user)),
        "groups": groups,
        "waiting_count": sum(group.number for group in groups),
        "steps": next_steps(request),
        "agents": _agents() if may("agents.view_agent") else None,
        "elevations": _elevations() if may("governance.view_elevation") else None,
        "runs": _runs() if may("agents.view_run") else None,
        "ledger": _ledger(request) if may("audits.view_event") else None,
    }


def standing(person: Person) -> str:
    """Who the person at the screen is here: administrator, seat, groups."""
    seat = selectors.seat_of(person)
    groups = [name for name in person.groups.values_list("name", flat=True) if name in ROLES]
    words = [
        *(["administrator"] if person.is_superuser else []),
        *([f"board, seat {seat.get_discipline_display()}"] if seat else []),
        *(ROLES[name] for name in groups if not (seat and name == BOARD)),
    ]
    return f"{person}: {', '.join(words) or 'no role yet; an administrator gives you one'}"


def next_steps(request: HttpRequest) -> list[Step]:
    """What this person can do next of their own accord, by what they may do."""
    makers = (_register, _seat, _ingest, _vote_next, _bundle, _sinks)
    return [step for make in makers if (step := make(request))]


def _register(request: HttpRequest) -> Step | None:
    url = _register_url(request)
    if not url:
        return None
    return Step(
        "The vulnerability analyst is not in the register.", url, "Register the vulnerability analyst"
    )


def _seat(request: HttpRequest) -> Step | None:
    if not request.user.has_perm("governance.add_seat"):
        return None
    held = set(selectors.current_seats().values_list("discipline", flat=True))
    vacant = [discipline.label for discipline in Discipline if discipline not in held]
    if not vacant:
        return None
    text = f"Nobody holds the board's seats {', '.join(vacant)}: what needs them cannot be approved."
    return Step(text, reverse("admin:governance_seat_add"), "Assign a seat")


def _ingest(request: HttpRequest) -> Step | None:
    person = cast("Person", request.user)
    agent = Agent.objects.filter(owner=person, state=AgentState.ACTIVE, runs__isnull=True).first()
    if agent is None:
        return None
    text = (
        f"{agent} is active and has not run: ingest a report with manage.py ingest FILE --agent {agent.slug}"
    )
    return Step(text, reverse("admin:agents_report_changelist"), "Reports")


def _vote_next(request: HttpRequest) -> Step | None:
    seat = selectors.seat_of(cast("Person", request.user))
    if seat is None or selectors.waiting_for(seat.person).exists():
        return None
    text = f"No request waits for the seat {seat.get_discipline_display()}."
    return Step(text, f"{reverse('admin:governance_approval_changelist')}?waiting=all", "All approvals")


def _bundle(request: HttpRequest) -> Step | None:
    if not request.user.has_perm("audits.add_bundle") or not Agent.objects.exists():
        return None
    newest = Bundle.objects.order_by("-requested_at").first()
    text = f"The last evidence bundle was built {relative(newest.requested_at)}." if newest else (
        "No evidence bundle was built yet."
    )  # fmt: skip
    return Step(text, reverse("admin:audits_bundle_add"), "Build an evidence bundle")


def _sinks(request: HttpRequest) -> Step | None:
    """A SIEM that does not take events: nothing is lost, but nobody there sees what happens here."""
    if not request.user.has_perm("audits.view_sinkcursor"):
        return None
    names = ", ".join(cursor.name for cursor in siem.failing())
    if not names:
        return None
    text = f"The SIEM is not told what happens: {names} does not take events. They wait."
    return Step(text, reverse("admin:audits_sinkcursor_changelist"), "SIEM sinks")


def _register_url(request: HttpRequest) -> str:
    """Where the portal's own analyst is registered, while it is not and this person may do it."""
    missing = not Agent.objects.filter(slug=SLUG).exists()
    person = cast("Person", request.user)
    return reverse("admin:register_analyst") if missing and registration.may_register(person, None) else ""


def _agents() -> list[dict[str, object]]:
    counted = Agent.objects.values_list("state").annotate(number=Count("pk")).order_by()
    numbers = dict(counted)
    return [
        {
            "label": show_label(state.label, LABELS[state]),
            "number": numbers[state],
            "url": f"{reverse('admin:agents_agent_changelist')}?state__exact={state}",
        }
        for state in AgentState
        if numbers.get(state)
    ]


def _elevations() -> list[dict[str, object]]:
    live = selectors.live_elevations().select_related("agent").order_by("ends_at")[:SHOWN]
    return [
        {
            "link": show_link(elevation),
            "agent": elevation.agent,
            "left": minutes_left(elevation.ends_at),
            "uses": f"{elevation.used} of {elevation.uses} used",
        }
        for elevation in live
    ]


def minutes_left(ends_at: datetime | None) -> str:
    """How long an elevation still lasts, to the minute; the last one in seconds."""
    if ends_at is None:
        return "no end"
    seconds = int((ends_at - timezone.now()).total_seconds())
    if seconds <= 0:
        return "over"
    return f"{seconds // MINUTE} min left" if seconds >= MINUTE else f"{seconds} s left"


def _runs() -> Iterable[dict[str, object]]:
    newest = Run.objects.select_related("report", "agent").order_by("-queued_at")[:SHOWN]
    return [
        {
            "link": show_link(run, str(run.report)),
            "agent": run.agent,
            "state": show_choice(run, "state", LABELS),
            "planner": show_planner(run.planner),
            "queued": show_time(run.queued_at),
        }
        for run in newest
    ]


def _ledger(request: HttpRequest) -> dict[str, object]:
    last = Checkpoint.objects.order_by("-size").first()
    sealed = Entry.objects.aggregate(last=Max("seq"))["last"]
    sight = Sight.of(request)
    newest = Event.objects.exclude(action=Action.LEDGER_READ).order_by("-id")[:SHOWN]
    verified = verification.of_everything().first()
    return {
        "size": 0 if sealed is None else sealed + 1,
        "checkpoint": last,
        "checkpoint_age": relative(last.sealed_at) if last else "",
        "unsealed": Pending.objects.count(),
        "newest": [
            (show_link(event, event.action), sight.reference(event.object), show_time(event.time))
            for event in newest
        ],
        "verified": verified,
        "verified_age": relative(verified.started_at) if verified else "",
        "alarm": _alarm(verified, sight),
        "forgotten": _forgotten_erasures(),
        "anchors": _anchors() if request.user.has_perm("audits.view_anchor") else [],
    }


def _forgotten_erasures() -> str:
    """Why what was erased is back, by a backup that was restored; empty where it is not."""
    try:
        forgotten = len(erasure.undeclared())
    except ServiceError as error:
        return str(error)
    if not forgotten:
        return ""
    return (
        f"The database was restored from before {forgotten} erasures, and holds what they erased. On the "
        "machine, `manage.py ledger declare` repeats them."
    )


def _anchors() -> list[dict[str, object]]:
    """How each place outside stands that has the checkpoints; late, missing and wrong ones first."""
    try:
        found = anchoring.standing()
    except ServiceError as error:
        return [{"name": "COUNTERSIGN_ANCHORS", "alarm": str(error)}]
    shown = [
        {
            "name": standing.sink,
            "level": standing.level.value,
            "protects": standing.level.label,
            "alarm": _anchor_alarm(standing),
            "link": show_link(standing.anchor, standing.sink) if standing.anchor else standing.sink,
            "age": relative(standing.anchored_at) if standing.anchored_at else "never",
            "size": standing.size,
        }
        for standing in found
    ]
    return sorted(shown, key=lambda anchor: not anchor["alarm"])


def _anchor_alarm(standing: anchoring.Standing) -> str:
    if standing.wrong:
        return f"The anchor {standing.sink} contradicts the ledger: {standing.wrong}"
    if standing.is_missing:
        return f"Nothing was ever anchored at {standing.sink}. {standing.error}".strip()
    if standing.is_late:
        return f"The anchor {standing.sink} is late with the newest checkpoint. {standing.error}".strip()
    return ""


def _alarm(verified: Verification | None, sight: Sight) -> str:
    """What the last verification of the ledger found wrong; empty where all was well."""
    if verified is None or verified.verdict == Verdict.SOUND:
        return ""
    if verified.verdict == Verdict.UNABLE:
        return sight.text(f"The ledger could not be verified: {verified.problem}")
    return sight.text(f"The ledger does NOT verify. At {verified.place}: {verified.problem}")
