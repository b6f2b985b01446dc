"""Register the portal's own analyst: enter it, add the build that runs here, assess its risk.

The page exists because the analyst is agent number one in its own register: an empty portal has
nothing else to start with.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from agents import entry, permissions
from agents.admin.entry_form import EntryForm
from agents.analyst import SLUG, provenance
from agents.models import Agent, AgentVersion, Person
from agents.services import register
from audits.admin.base import page_of
from audits.admin.forms import dress, show_service_error
from audits.errors import ServiceError
from governance.services import risk

PURPOSE = (
    "Works through scanner reports, looks every vulnerability up, and says what it means for compliance."
)
RUNBOOK = """\
Isolate: end its live write elevations (Write elevations, End now); the next write is refused at once. If that
is not enough, deactivate its owner's account: without an active owner it may do nothing.
Stop it: stop the worker (or the portal, where the worker runs in it): no run goes on without one.
Roll back: derive a new version from the one that ran before, and submit it. Nothing newer runs until the
board has approved it.
Quarantine: place a legal hold on its stream, build an evidence bundle of it, keep both with the incident."""
MONITORING_PLAN = """\
Watched: every run with the reason why it ended, every call with its decision, every proposed action.
Too much: a run that failed or ended at a limit; a call that was refused and cannot be requested; a proposal
that nobody expected; NVD not reachable for a day.
Who looks: its owner, every working day, on the pages Runs and Proposed actions; or a deputy."""


class AnalystForm(EntryForm):
    """The entry, the version's label and the questionnaire; the build is read from what runs here."""

    label = forms.CharField(label="Version", max_length=50, help_text="For example 1.0.0.")

    def __init__(self, *arguments: Any, agent: Agent | None, **options: Any) -> None:
        given = {
            "name": "Vulnerability analyst",
            "purpose": PURPOSE,
            "problem_class": "security-analysis",
            "data_categories": ["vulnerability reports"],
            "runbook": RUNBOOK,
            "monitoring_plan": MONITORING_PLAN,
        }
        super().__init__(*arguments, initial=given, **options)
        self._agent = agent
        if agent is not None:
            for name in entry.FIELDS:
                del self.fields[name]
        for question in risk.QUESTIONS:
            self.fields[f"risk_{question.id}"] = forms.ChoiceField(
                label=question.text,
                choices=[(option.id, option.text) for option in question.options],
                widget=forms.RadioSelect,
            )
        self.groups_of_fields = {
            **self.groups_of_fields,
            "This version": ("label",),
            "Its risk": tuple(f"risk_{question.id}" for question in risk.QUESTIONS),
        }
        dress(self)

    def clean_label(self) -> str:
        label: str = self.cleaned_data["label"]
        if self._agent is not None and self._agent.versions.filter(label=label).exists():
            raise forms.ValidationError(f"There is a version {label} already; choose another.")
        return label

    @property
    def answers(self) -> dict[str, str]:
        return {question.id: self.cleaned_data[f"risk_{question.id}"] for question in risk.QUESTIONS}


def enter(*, actor: Person, agent: Agent | None, form: AnalystForm) -> AgentVersion:
    """Register the analyst where it is not yet, add this build, and assess its risk.

    What the deployment checklist still asks for before the board is asked stands on the agent's page.

    Each is a verb of its own with its own event. Where one is refused, the page goes on from what
    is there: an agent without an approval has no access.

    Raises:
        ServiceError: one of these was refused.
    """
    if agent is None:
        agent = register.register_agent(actor=actor, slug=SLUG, owner=actor, **form.entry_values)
    version = register.add_version(
        actor=actor, agent=agent, label=form.cleaned_data["label"], provenance=provenance.current()
    )
    risk.assess(actor=actor, agent=agent, answers=form.answers)
    return version


def register_analyst(request: HttpRequest) -> HttpResponse:
    """The page: GET shows the form and the build, POST enters it and goes on to its checklist."""
    person = request.user
    agent = Agent.objects.filter(slug=SLUG).select_related("active_version").first()
    if not isinstance(person, Person) or not may_register(person, agent):
        raise PermissionDenied
    form = AnalystForm(request.POST or None, request=request, agent=agent)
    if form.is_valid():
        try:
            version = enter(actor=person, agent=agent, form=form)
        except ServiceError as error:
            show_service_error(form, error)
        else:
            messages.success(
                request,
                f"{version} is in the register. Its checklist says what the board still waits for.",
            )
            return redirect(f"{page_of(version.agent)}?checklist={version.pk}#checklist")
    build = provenance.current()
    active = agent.active_version if agent else None
    context = {
        **admin.site.each_context(request),
        "title": f"A new version of {agent}" if agent else "Register the analyst",
        "description": "It has no access until the board approves it. What that takes is shown next.",
        "submit": "Register",
        "form": form,
        "build": build,
        "same_as_active": active is not None and active.digest == build.digest,
    }
    return TemplateResponse(request, "portal/register_analyst.html", context)


def may_register(person: Person, agent: Agent | None) -> bool:
    """Owners register the analyst; afterwards those who answer for it submit its versions."""
    if agent is None:
        return person.is_active and person.has_perm("agents.add_agent")
    return permissions.why_not_change(person, agent) is None
