"""The form that adds a version, with its whole provenance (S1-11)."""

import hashlib
import json
from typing import Any

from django import forms
from django.db.models import Q, QuerySet

from agents import tool_manifest
from agents.models import Agent, AgentVersion, Person
from agents.provenance import Provenance
from audits.admin.forms import ServiceForm

PROMPT_HELP = (
    "Paste the text: the server works its SHA-256 out and keeps nothing else of it. A line break counts "
    "as one character (LF)."
)
MANIFEST_HELP = (
    "JSON or YAML: a list of functions, each with name, access (read or write), resource, description and "
    "parameters (a JSON schema). Nothing at all is a version without functions."
)


class VersionForm(ServiceForm):
    """The input of `register.add_version`; an older version fills it in advance (`from` in the address)."""

    agent = forms.ModelChoiceField(queryset=Agent.objects.none(), empty_label=None)
    label = forms.CharField(label="Version", max_length=50, help_text="For example 1.4.0.")
    model_provider = forms.CharField(max_length=100, help_text="Who serves the model: for example openai.")
    model_name = forms.CharField(max_length=100)
    model_version = forms.CharField(max_length=100, required=False)
    prompt = forms.CharField(
        label="System prompt",
        required=False,
        strip=False,
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=PROMPT_HELP,
    )
    prompt_digest = forms.CharField(
        label="… or its SHA-256", max_length=64, required=False, help_text="64 hexadecimal digits."
    )
    manifest = forms.CharField(
        label="Tool manifest",
        required=False,
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text=MANIFEST_HELP,
    )
    manifest_file = forms.FileField(
        label="… or as a file", required=False, help_text="It replaces the text above."
    )
    code_commit = forms.CharField(
        max_length=64,
        required=False,
        help_text="Git commit or SHA-256 of the code: 40 or 64 hexadecimal digits.",
    )
    data_snapshot = forms.CharField(
        max_length=200,
        required=False,
        help_text="Which training or reference data, by the name of its snapshot.",
    )
    image_digest = forms.CharField(
        max_length=100, required=False, help_text="Of the container image: sha256: and 64 hexadecimal digits."
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        mine = agents_of(self.request.user)
        self.fields["agent"].queryset = mine  # type: ignore[attr-defined]
        name = self.initial.pop("from", None)
        older = AgentVersion.objects.filter(agent__in=mine)
        try:
            found = older.filter(pk=name).first() if name else None
        except (ValueError, forms.ValidationError):
            found = None
        if found is not None:
            self.initial = {**self.initial, **_as_it_was(found)}

    def clean_manifest_file(self) -> str | None:
        given = self.cleaned_data["manifest_file"]
        if given is None:
            return None
        if given.size > tool_manifest.MAX_CHARACTERS:
            raise forms.ValidationError(f"It is longer than {tool_manifest.MAX_CHARACTERS:,} bytes.")
        try:
            text: str = given.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise forms.ValidationError("It is not UTF-8; save it as UTF-8.") from error
        return text

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("prompt"):
            text = given["prompt"].replace("\r\n", "\n")
            digest = hashlib.sha256(text.encode()).hexdigest()
            if given.get("prompt_digest") not in ("", None, digest, self.initial.get("prompt_digest")):
                self.add_error(
                    "prompt_digest", "This is not the digest of the text above. Leave one of them out."
                )
            given["prompt_digest"] = digest
        elif not given.get("prompt_digest"):
            self.add_error("prompt", "Paste the system prompt, or give its SHA-256.")
        text = given.get("manifest_file") or given.get("manifest") or ""
        at = "manifest_file" if given.get("manifest_file") else "manifest"
        try:
            given["tool_manifest"] = tool_manifest.read(text)
        except ValueError as error:
            self.add_error(at, str(error))
            return given
        for problem in tool_manifest.problems(given["tool_manifest"]):
            self.add_error(at, str(problem))
        return given

    @property
    def provenance(self) -> Provenance:
        given = self.cleaned_data
        names = ("model_provider", "model_name", "model_version", "data_snapshot", "tool_manifest")
        return Provenance(
            **{name: given[name] for name in names},
            **{name: given[name].lower() for name in ("prompt_digest", "code_commit", "image_digest")},
        )


def agents_of(person: Any) -> QuerySet[Agent]:
    """The agents whose versions this person may add."""
    if not isinstance(person, Person):
        return Agent.objects.none()
    answered = Q() if person.is_superuser else Q(owner=person) | Q(deputies=person)
    return Agent.objects.filter(answered).distinct().order_by("name", "slug")


def _as_it_was(version: AgentVersion) -> dict[str, Any]:
    names = ("model_provider", "model_name", "model_version", "prompt_digest", "code_commit", "data_snapshot",
             "image_digest")  # fmt: skip
    manifest = json.dumps(version.tool_manifest, indent=2, ensure_ascii=False)
    return {"agent": version.agent_id, "manifest": manifest} | {
        name: getattr(version, name) for name in names
    }
