"""The button that lets the analyst work through a report, on the pages of runs and of reports."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from agents import permissions
from agents.analyst import SLUG
from agents.models import Agent, Report
from agents.services import runs
from audits.admin.base import Done, Perform, dialog_action
from audits.admin.reader import actor_of


class MayRun:
    """Shows the button to those who may let the analyst run; the service asks again."""

    def has_run_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        analyst = Agent.objects.filter(slug=SLUG).first()
        return analyst is not None and permissions.why_not_run(actor_of(request), analyst) is None

    def let_it_run(self, request: HttpRequest, report: Report) -> Done:
        run = runs.queue(actor=actor_of(request), report=report)
        return Done("The run is queued. This page follows it.", run)


def run_dialog(title: str) -> Callable[[Perform], Any]:
    return dialog_action(
        title=title,
        description="The analyst works through every finding of the report once more. Earlier runs stay.",
        submit="Queue the run",
        permissions=["run"],
        icon="play_arrow",
    )
