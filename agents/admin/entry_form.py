"""The form of an entry of the register, to register one and to edit it: all its fields, grouped."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.forms import BoundField

from agents import entry, policy
from agents.choices import Autonomy, Environment
from agents.jurisdictions import COUNTRIES
from agents.models import Agent, Person
from agents.policy_rules import ANY
from audits.admin.forms import ServiceForm, dress

ROWS = {"rows": 3}
LONG = {"rows": 8}


class ItemsField(forms.CharField):
    """Several short texts, one a line or with commas between."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        parts = (part for line in (value or "").splitlines() for part in line.split(","))
        return [part.strip() for part in parts if part.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """As it stands in the box: an item that has a comma in it is not torn apart by looking at it."""
        shown = self.prepare_value(initial) or ""
        return bool(shown != (data or "").replace("\r\n", "\n").strip())


class JurisdictionsField(ItemsField):
    """Countries by code, each shown with what it stands for in the help text."""

    def validate(self, value: Any) -> None:
        super().validate(value)
        if unknown := [code for code in value if code.upper() not in COUNTRIES]:
            raise forms.ValidationError(
                f"{', '.join(unknown)}: no ISO 3166-1 alpha-2 code, such as DE or US."
            )


class EntryForm(ServiceForm):
    """Every field that an owner's side fills in; `group` says which belong together."""

    name = forms.CharField(max_length=200)
    purpose = forms.CharField(
        widget=forms.Textarea(attrs=ROWS), help_text="What it is for, in words its owner would defend."
    )
    business_unit = forms.CharField(max_length=200, help_text="Who asked for it, and pays for it.")
    problem_class = forms.ChoiceField()
    deputies = forms.ModelMultipleChoiceField(
        queryset=Person.objects.none(),
        required=False,
        help_text="Who answers for it where the owner cannot. Hold Ctrl or ⌘ to choose several, or none.",
    )
    sponsor = forms.ModelChoiceField(
        queryset=Person.objects.none(),
        required=False,
        empty_label="Nobody",
        help_text="Who wants it to exist, and pays for it. A sponsor does not vote on it.",
    )
    environment = forms.ChoiceField(choices=Environment, initial=Environment.PRODUCTION)
    autonomy = forms.ChoiceField(
        choices=Autonomy,
        initial=Autonomy.ASKS,
        widget=forms.RadioSelect,
        help_text="Who decides before something happens.",
    )
    data_categories = ItemsField(
        required=False,
        widget=forms.Textarea(attrs=ROWS),
        help_text="What kinds of data it touches, one a line: for example customer addresses.",
    )
    jurisdictions = JurisdictionsField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Where it works and where its data is: ISO 3166-1 alpha-2 codes, such as DE, US.",
    )
    frameworks = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Retention rules",
        help_text="Which rules apply to its records. The longest of them says how long they are kept.",
    )
    runbook = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs=LONG),
        help_text="How to isolate it, roll it back, and quarantine it: for somebody woken at night.",
    )
    monitoring_plan = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs=LONG),
        help_text="What is watched while it runs, what is too much, and who looks.",
    )

    groups_of_fields: Mapping[str, tuple[str, ...]] = {
        "What it is": ("slug", "name", "purpose", "business_unit", "problem_class"),
        "Who answers for it": ("owner", "deputies", "sponsor"),
        "Where, and how free": ("environment", "autonomy"),
        "Data and places": ("data_categories", "jurisdictions", "frameworks"),
        "When something is wrong": ("runbook", "monitoring_plan"),
    }

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        people = Person.objects.filter(is_active=True).order_by("first_name", "last_name", "username")
        for name in ("owner", "deputies", "sponsor"):
            if name in self.fields:
                self.fields[name].queryset = people  # type: ignore[attr-defined]
        self.fields["deputies"].widget.attrs["size"] = 5
        frameworks = entry.known_frameworks()
        self.fields["frameworks"].choices = [(name, name) for name in frameworks]  # type: ignore[attr-defined]
        self._ask_the_policy()
        dress(self)

    def _ask_the_policy(self) -> None:
        """The agent policy's classes, and its business units where it names them."""
        counts = policy.active()
        classes = [(one.slug, one.name) for one in counts.problem_classes]
        now = self.initial.get("problem_class")
        if now and counts.problem_class(now) is None:
            classes.append((now, f"{now} (not in the agent policy any more)"))
        chosen = self.fields["problem_class"]
        chosen.choices = classes  # type: ignore[attr-defined]
        chosen.help_text = (
            "Which kind of problem it works on. What each allows at most stands in the agent policy; what it "
            "does not allow is said when you save."
        )
        if counts.business_units != ANY:
            units = list(dict.fromkeys([*counts.business_units, self.initial.get("business_unit", "")]))
            self.fields["business_unit"] = forms.ChoiceField(
                choices=[(unit, unit) for unit in units if unit],
                help_text="The agent policy names those who may request agents.",
            )

    @property
    def groups(self) -> Iterator[tuple[str, list[BoundField]]]:
        """The fields as they are shown; what is in no group is hidden."""
        for title, names in self.groups_of_fields.items():
            if fields := [self[name] for name in names if name in self.fields]:
                yield title, fields

    @property
    def entry_values(self) -> dict[str, Any]:
        """What the services take."""
        values = {name: self.cleaned_data[name] for name in entry.FIELDS}
        return values | {"deputies": list(values["deputies"])}


class RegisterForm(EntryForm):
    """The input of `register.register_agent`."""

    slug = forms.SlugField(
        max_length=50, help_text="Stable and short, for example invoice-helper. It never changes."
    )
    owner = forms.ModelChoiceField(
        queryset=Person.objects.none(),
        empty_label=None,
        help_text="The person who answers for it. It never goes without one.",
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.initial.setdefault("owner", self.request.user.pk)


class EditForm(EntryForm):
    """The input of `register.amend`; it carries the digest of the entry that it was opened on."""

    seen = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, agent: Agent, **options: Any) -> None:
        now = {name: getattr(agent, name) for name in (*entry.TEXTS, *entry.LISTS)}
        now |= {"deputies": list(agent.deputies.all()), "sponsor": agent.sponsor_id}
        super().__init__(*arguments, initial=now | {"seen": entry.digest_of(agent)}, **options)
        self.agent = agent
        self._keep_who_is_there()

    def _keep_who_is_there(self) -> None:
        """Who is a deputy or the sponsor already stays to be chosen, also without an active account."""
        gone = [*self.initial["deputies"], *([self.agent.sponsor] if self.agent.sponsor else [])]
        for name in ("deputies", "sponsor"):
            field: Any = self.fields[name]
            field.queryset = (
                field.queryset | Person.objects.filter(pk__in=[one.pk for one in gone])
            ).distinct()

    @property
    def changes(self) -> dict[str, Any]:
        """What was typed and differs from what the register says now."""
        return {name: value for name, value in self.entry_values.items() if name in self.changed_data}

    def renew(self) -> list[tuple[str, str, str]]:
        """After a conflict: nothing typed is lost, and the form knows the entry as it is now.

        Returns what saving it again would change: the field, what the register says now, what was typed.
        """
        data: Any = self.data
        data = data.copy()
        data[self.add_prefix("seen")] = self.initial["seen"]
        self.data = data
        return [
            (str(self[name].label), _shown(self.initial[name]), _shown(value))
            for name, value in self.changes.items()
        ]


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value or "")
