"""The inputs of a policy version\'s page: its text, a vote, a reason."""

import re
from typing import Any

from django import forms

from audits.admin.base import DialogForm, ServiceForm
from audits.admin.rows import row_of
from audits.admin.show import show_digest
from audits.errors import NotFound
from governance.models import PolicyVersion
from governance.services import policies, policy_trials

FIRST_FILE = "policies.cedar"
_FILE = re.compile(r"^// === (\S+\.cedar)$", re.MULTILINE)
HELP = "Cedar. A line `// === name.cedar` begins another file."


def together(files: dict[str, str]) -> str:
    """The files of a version in one text, each after a line with its name."""
    if list(files) == [FIRST_FILE]:
        return files[FIRST_FILE]
    return "\n".join(f"// === {name}\n{text}" for name, text in sorted(files.items()))


def apart(text: str) -> dict[str, str]:
    """The files of such a text; what stands before the first name is `policies.cedar`."""
    before, *named = _FILE.split(text.replace("\r\n", "\n"))
    found = {FIRST_FILE: before} if before.strip() else {}
    names, contents = named[::2], named[1::2]
    for number, (name, content) in enumerate(zip(names, contents, strict=True), 1):
        text = content.removeprefix("\n")
        found[name] = found.get(name, "") + (text if number == len(names) else text.removesuffix("\n"))
    return found


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "spellcheck": "false", "class": "cs-policy"})


class TextForm(ServiceForm):
    """The input of `policies.draft`; it begins as another version, or as the one that decides."""

    title = forms.CharField(max_length=policies.LONGEST_TITLE, required=False, help_text="What it is for.")
    policies = forms.CharField(widget=_area(24), help_text=HELP, strip=False)
    schema = forms.CharField(widget=_area(12), strip=False)
    entities = forms.CharField(widget=_area(4), strip=False, help_text="JSON, a list.")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        begun = PolicyVersion.objects.filter(state="active").first()
        self.initial.setdefault("policies", together(begun.policies) if begun else "")
        self.initial.setdefault("schema", begun.schema if begun else "")
        self.initial.setdefault("entities", begun.entities if begun else policies.NO_ENTITIES)

    @property
    def text(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {
            "policies": apart(given["policies"]),
            "schema": given["schema"].replace("\r\n", "\n"),
            "entities": given["entities"].replace("\r\n", "\n"),
            "title": given["title"],
        }


class EditForm(DialogForm):
    """The input of `policies.edit`, as the draft is now."""

    title = forms.CharField(max_length=policies.LONGEST_TITLE, required=False)
    policies = forms.CharField(widget=_area(16), help_text=HELP, strip=False)
    schema = forms.CharField(widget=_area(8), strip=False)
    entities = forms.CharField(widget=_area(3), strip=False)
    text = TextForm.text

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if version := _version(self.object_id):
            self.initial |= {
                "title": version.title,
                "policies": together(version.policies),
                "schema": version.schema,
                "entities": version.entities,
            }


class ReplayForm(DialogForm):
    """The input of `policy_trials.replay`."""

    last = forms.IntegerField(
        label="Decisions",
        min_value=1,
        max_value=policy_trials.MAX_AT_ONCE,
        initial=1_000,
        help_text="So many, the newest first. More by command: manage.py policy what-if.",
    )


class VoteForm(DialogForm):
    """A comment, and the digest of what the page showed: a stale page is refused by the service."""

    comment = forms.CharField(required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))
    digest = forms.CharField(widget=forms.HiddenInput)
    form_before_template = "governance/vote_digest.html"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        version = _version(self.object_id)
        self.initial["digest"] = version.sha256 if version else ""

    def get_before_template_context(self, request: Any, object_id: Any = None) -> dict[str, Any]:
        return {"digest": show_digest(self["digest"].value(), full=True)}


class ReasonedVoteForm(VoteForm):
    """A vote, or a step back, that says why."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["comment"].required = True


class ReasonForm(DialogForm):
    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


def _version(object_id: Any) -> PolicyVersion | None:
    try:
        return row_of(PolicyVersion.objects.all(), object_id)
    except NotFound:
        return None
