"""Put the portal's own analyst before the board: register it, add the build that runs here, submit.

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

from agents import permissions
from agents.analyst import SLUG, provenance
from agents.models import Agent, Person
from agents.services import register
from audits.admin.forms import ServiceForm, dress, show_service_error
from audits.errors import ServiceError
from governance.models import Approval
from governance.services import dossiers, risk

PURPOSE = (
    "Works through scanner reports, looks every vulnerability up, and says what it means for compliance."
)


class AnalystForm(ServiceForm):
    """What a person has to say; where the build comes from is read from what runs here."""

    name = forms.CharField(max_length=200, initial="Vulnerability analyst")
    purpose = forms.CharField(initial=PURPOSE, widget=forms.Textarea(attrs={"rows": 3}))
    business_unit = forms.CharField(max_length=200)
    label = forms.CharField(label="Version", max_length=50, help_text="For example 1.0.0.")

    def __init__(self, *arguments: Any, agent: Agent | None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._agent = agent
        if agent is not None:
            for name in ("name", "purpose", "business_unit"):
                del self.fields[name]
        for question in risk.QUESTIONS:
            self.fields[f"risk_{question.id}"] = forms.ChoiceField(
                label=question.text,
                choices=[(option.id, option.text) for option in question.options],
                widget=forms.RadioSelect,
            )
        dress(self)

    def clean_label(self) -> str:
        label: str = self.cleaned_data["label"]
        if self._agent is not None and self._agent.versions.filter(label=label).exists():
            raise forms.ValidationError(f"There is a version {label} already; choose another.")
        return label

    @property
    def answers(self) -> dict[str, str]:
        return {question.id: self.cleaned_data[f"risk_{question.id}"] for question in risk.QUESTIONS}


def propose(*, actor: Person, agent: Agent | None, form: AnalystForm) -> Approval:
    """Register the analyst where it is not yet, add this build, assess its risk, and submit it.

    Each is a verb of its own with its own event. Where one is refused, the page goes on from what
    is there: an agent without an approval has no access.

    Raises:
        ServiceError: one of these was refused.
    """
    if agent is None:
        agent = register.register_agent(
            actor=actor,
            slug=SLUG,
            owner=actor,
            data_categories=["vulnerability reports"],
            **{name: form.cleaned_data[name] for name in ("name", "purpose", "business_unit")},
        )
    version = register.add_version(
        actor=actor, agent=agent, label=form.cleaned_data["label"], provenance=provenance.current()
    )
    risk.assess(actor=actor, agent=agent, answers=form.answers)
    return dossiers.submit(actor=actor, version=version)


def register_analyst(request: HttpRequest) -> HttpResponse:
    """The page: GET shows the form and the build, POST submits it to the board."""
    person = request.user
    agent = Agent.objects.filter(slug=SLUG).select_related("active_version").first()
    if not isinstance(person, Person) or not may_register(person, agent):
        raise PermissionDenied
    form = AnalystForm(request.POST or None, request=request, agent=agent)
    if form.is_valid():
        try:
            approval = propose(actor=person, agent=agent, form=form)
        except ServiceError as error:
            show_service_error(form, error)
        else:
            messages.success(request, f"Submitted: the board decides on {approval.digest}.")
            return redirect("admin:governance_approval_change", approval.pk)
    build = provenance.current()
    active = agent.active_version if agent else None
    context = {
        **admin.site.each_context(request),
        "title": f"A new version of {agent}" if agent else "Register the analyst",
        "description": "The board decides on the digest of what you submit. Until then it has no access.",
        "submit": "Submit to the board",
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
