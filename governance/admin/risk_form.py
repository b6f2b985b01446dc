"""The risk questionnaire as a form: answered, shown what follows, then saved (S1-5)."""

from typing import Any, cast

from django import forms
from django.http import QueryDict

from agents.models import Agent
from audits import canonical
from audits.admin.forms import ServiceForm, dress
from governance import selectors
from governance.admin.who import person_of
from governance.risk_score import QUESTIONS


class AssessForm(ServiceForm):
    """The input of `risk.assess`, with the answers that stand. `shown` names what the last page previewed."""

    agent = forms.ModelChoiceField(queryset=Agent.objects.none(), empty_label=None)
    shown = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["agent"].queryset = selectors.governed_by(person_of(self.request))  # type: ignore[attr-defined]
        self.named = self._named()
        latest = selectors.latest_assessment(self.named) if self.named else None
        for question in QUESTIONS:
            self.fields[question.id] = forms.ChoiceField(
                label=question.text,
                choices=[(option.id, option.text) for option in question.options],
                widget=forms.RadioSelect,
            )
            self.initial.setdefault(question.id, latest.answers.get(question.id, "") if latest else "")
        if self.named:
            self.fields["agent"].widget = forms.HiddenInput()
        dress(self)

    def _named(self) -> Agent | None:
        """The agent that the address or the form names, if it is one of this person's."""
        try:
            found: Agent | None = self.fields["agent"].clean(
                self.data.get("agent") or self.initial.get("agent")
            )
        except forms.ValidationError:
            return None
        return found

    @property
    def answers(self) -> dict[str, str]:
        return {question.id: self.cleaned_data[question.id] for question in QUESTIONS}

    @property
    def digest(self) -> str:
        """Of the agent and the answers: what a preview was made from."""
        return canonical.digest({"agent": str(self.cleaned_data["agent"].pk), "answers": self.answers})

    def show_digest(self) -> None:
        """Name these answers as the ones that this page shows."""
        data = cast("QueryDict", self.data).copy()
        data["shown"] = self.digest
        self.data = data
