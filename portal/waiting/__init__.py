"""What waits for the person at the screen, whatever ends first on top.

A new group is a `Kind`: what it asks for, which rows wait, and how they are shown.
"""

from datetime import datetime
from functools import lru_cache
from typing import cast
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from agents.models import Person
from audits.models import Event
from portal.waiting import asked, outside, prepared, running, stopped
from portal.waiting.shown import Due, Group, Kind, Rows, Task, due, each

__all__ = ["Due", "Group", "Task", "count", "due", "groups", "page"]

MOST = 100
KINDS = (
    Kind("votes", "To vote on", "Vote", asked.votes, each(asked.vote)),
    Kind("policies", "Policies to approve", "Read and vote", asked.policies, each(asked.policy)),
    Kind("unfreezes", "Frozen, to let go on", "Confirm", stopped.unfreezes, each(stopped.unfreeze)),
    Kind("gates", "Gates to sign", "Sign", prepared.gates_to_sign, each(prepared.gate_to_sign)),
    Kind(
        "assessments", "Assessments to sign", "Read and sign", prepared.assessments, prepared.assessment_tasks
    ),
    Kind("glass", "Broken glass to review", "Review", asked.glasses, each(asked.glass)),
    Kind("changes", "Changes asked for", "Submit again", asked.changes, each(asked.change)),
    Kind("edited", "Edited since approval", "Put back or submit again", running.edited, running.edits),
    Kind("writes", "Writes to ask elevation for", "Ask for write elevation", asked.asks, each(asked.ask)),
    Kind("mitigations", "Mitigations I promised", "Do", running.mitigations, each(running.mitigation)),
    Kind("releases", "Releases to promote", "Promote or roll back", running.releases, running.promotions),
    Kind("drafts", "Own drafts", "Bring before the board", prepared.drafts, prepared.draft_tasks),
    Kind(
        "successors",
        "New versions to submit",
        "Bring before the board",
        prepared.successors,
        prepared.successor_tasks,
    ),
    Kind("offers", "Agents offered to me", "Accept or decline", asked.offers, each(asked.offer)),
    Kind("reviews", "Reviews of my agents", "Review", asked.reviews, each(asked.review)),
    Kind("orphans", "Agents without an owner", "Find an owner", asked.orphans, each(asked.orphan)),
    Kind("shrinkings", "Unused grants to shrink", "Confirm or decline", asked.shrinks, each(asked.shrink)),
    Kind("secrets", "Secrets to rotate", "Rotate", running.rotations, each(running.rotation)),
    Kind("outcomes", "Decisions without outcome", "Find out", outside.outcomes, each(outside.outcome)),
    Kind("anomalies", "Unusual egress", "Say what it was", outside.anomalies, each(outside.anomaly)),
    Kind(
        "third_parties",
        "Third parties overdue",
        "Assess again",
        running.third_parties,
        each(running.third_party),
    ),
)


def page(request: HttpRequest) -> HttpResponse:
    """Everything that waits for the person at the screen, on a page of its own."""
    person = cast("Person", request.user)
    context = {
        **admin.site.each_context(request),
        "title": "Waiting for me",
        "groups": groups(person),
    }
    return TemplateResponse(request, "portal/waiting.html", context)


def groups(person: Person, *, most: int = MOST) -> list[Group]:
    """The groups in which something waits; at most so many tasks of each."""
    found = []
    for kind in KINDS:
        rows = kind.rows(person)
        if number := _number(rows):
            tasks = kind.tasks(list(rows[:most]))
            found.append(Group(kind.name, kind.title, kind.verb, number, tasks))
    return found


def count(person: Person) -> int:
    """How much waits, for the badge that every page shows.

    Nothing comes to wait, or is done, without an event (promise 1), or without time passing: what was
    counted since the newest event, and in this minute, still holds.
    """
    newest = Event.objects.order_by("-id").values_list("pk", flat=True).first()
    minute = timezone.now().replace(second=0, microsecond=0)
    return _counted(person, newest, minute)


@lru_cache(maxsize=1_000)
def _counted(person: Person, _newest: UUID | None, _minute: datetime) -> int:
    """Whatever the database can count is one question to it."""
    kinds = [kind.rows(person) for kind in KINDS]
    asked_for = [rows.order_by().values_list("pk") for rows in kinds if not isinstance(rows, list)]
    first, *others = asked_for
    listed = sum(len(rows) for rows in kinds if isinstance(rows, list))
    return listed + first.union(*others, all=True).count()


def _number(rows: Rows) -> int:
    return len(rows) if isinstance(rows, list) else rows.count()
