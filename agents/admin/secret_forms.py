"""Forms of the pages of secrets. None of them has a field for a value: a secret stays in its store."""

from typing import Any

from django import forms

from agents.admin.fields import RowField, text
from agents.choices import ROTATE_ON, RotationReason, Rotator
from agents.models import Agent, Person, SecretReference, SecretUse
from agents.secrets.uri import FORMS
from agents.services.secret_references import Facts
from audits.admin.base import DialogForm, ServiceForm
from audits.admin.references import is_uuid


class FactsFields(forms.Form):
    """The input of `secret_references.Facts`."""

    uri = forms.CharField(
        max_length=500,
        label="Where it is",
        help_text=f"Its place in a store, never the secret itself: {', '.join(FORMS.values())}.",
    )
    purpose = text("What it opens, and for what", required=True)
    owner = forms.ModelChoiceField(
        queryset=Person.objects.filter(is_active=True).order_by("last_name", "first_name", "username"),
        help_text="Who answers for it, and is told when it is to be rotated.",
    )
    rotator = forms.ChoiceField(label="Its next value is made by", choices=Rotator.choices)
    rotate_days = forms.IntegerField(
        required=False, min_value=1, initial=90, label="Rotated after days", help_text="Empty: not by time."
    )
    rotate_uses = forms.IntegerField(
        required=False, min_value=1, label="Rotated after uses", help_text="Empty: not by use."
    )
    rotate_on = forms.MultipleChoiceField(
        required=False,
        label="Rotated after",
        choices=[(event.value, RotationReason(event).label) for event in ROTATE_ON],
        widget=forms.CheckboxSelectMultiple,
        help_text="A breach always asks for it.",
    )
    overlap_hours = forms.IntegerField(
        min_value=0,
        initial=24,
        label="Overlap in hours",
        help_text="How long the old version stays valid beside the new one.",
    )

    @property
    def facts(self) -> Facts:
        given = {name: self.cleaned_data[name] for name in Facts.__dataclass_fields__}
        return Facts(**given | {"rotator": Rotator(given["rotator"])})


class AddSecretForm(FactsFields, ServiceForm):
    """The input of `secret_references.add`."""

    field_order = ("slug",)
    slug = forms.CharField(max_length=50, help_text="Stable name: small letters, digits and hyphens.")


class ChangeSecretForm(FactsFields, DialogForm):
    """The input of `secret_references.change`, as it is now."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        found = SecretReference.objects.filter(pk=self.object_id).first() if is_uuid(self.object_id) else None
        if found:
            self.initial.update({name: getattr(found, name) for name in FactsFields.base_fields})


class AllowForm(DialogForm):
    """The input of `secret_references.allow`."""

    agent = RowField(Agent.objects.all(), help_text="The agent's slug.")
    action = forms.CharField(max_length=100, help_text="As its approved manifest calls it.")
    resource = forms.CharField(max_length=500, help_text="For example endpoint/nvd, or customer/{id}.")


class DisallowForm(DialogForm):
    """The input of `secret_references.disallow`."""

    use = forms.ModelChoiceField(queryset=SecretUse.objects.none(), label="What ends")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if is_uuid(self.object_id):
            live = SecretUse.objects.filter(secret=self.object_id, ended_at__isnull=True)
            field: Any = self.fields["use"]
            field.queryset = live.select_related("agent")
            field.label_from_instance = lambda use: f"{use.agent.slug}: {use}"


class BreachForm(DialogForm):
    """The input of `secret_rotations.declare_breached`."""

    what = text("What happened", "Never the secret itself.", required=True)


class ConfirmForm(DialogForm):
    """The input of `secret_rotations.confirm`."""

    note = text("What you did", "Never the secret itself.", required=True)
