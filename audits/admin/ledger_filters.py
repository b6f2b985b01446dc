"""What the ledger's list can be searched by: a form, and the search that it means for one reader."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django import forms

from audits import ledger_search, pseudonyms
from audits.admin.forms import dress
from audits.admin.references import is_uuid, named
from audits.admin.sight import Sight
from audits.choices import Action, Outcome
from audits.ledger_search import Match, Search

LONGEST = 200
NOBODY: Match = ("id", str(UUID(int=0)))
COLUMNS_OF_A_PERSON = ("actor", "object", "stream")
COLUMNS_OF_ANYTHING = ("object", "stream", "actor")


class LedgerFilters(forms.Form):
    """All of it is optional; what is filled in must all fit."""

    q = forms.CharField(required=False, max_length=LONGEST, label="Reference or number")
    agent = forms.CharField(required=False, max_length=LONGEST, label="Agent")
    person = forms.CharField(required=False, max_length=LONGEST, label="Person")
    action = forms.ChoiceField(required=False, choices=[("", "Every action"), *Action.choices])
    outcome = forms.ChoiceField(required=False, choices=[("", "Every outcome"), *Outcome.choices])
    since = forms.DateTimeField(
        required=False, label="From (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    until = forms.DateTimeField(
        required=False, label="To (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    framework = forms.CharField(required=False, max_length=LONGEST, label="Framework")
    stream = forms.CharField(required=False, max_length=LONGEST, label="Stream")
    number = forms.IntegerField(required=False, min_value=0, max_value=2**62, label="Sequence number")
    reads = forms.BooleanField(required=False, label="Show readings of the ledger too")

    def __init__(self, given: Mapping[str, Any], sight: Sight) -> None:
        super().__init__({name: given[name] for name in given if name in self.base_fields})
        self.sight = sight
        hints = {
            "q": "object, actor or event, e.g. run/0197…",
            "agent": "name or id",
            "person": "name or id" if sight.names else "pseudonym, e.g. 7f3a-91c2",
            "framework": "e.g. iso-27001",
            "stream": "e.g. agent/0197…",
        }
        for name, hint in hints.items():
            self.fields[name].widget.attrs["placeholder"] = hint
        dress(self)

    @property
    def switch(self) -> forms.BoundField:
        return self["reads"]

    @property
    def asked(self) -> list[forms.BoundField]:
        return [field for field in self if field.name != "reads"]

    @property
    def is_active(self) -> bool:
        return any(self.data.get(field.name) for field in self.asked)

    def search(self) -> Search | None:
        """None where something was typed that cannot be searched for; the form says what."""
        if not self.is_valid():
            return None
        asked = self.cleaned_data
        groups = [
            group
            for group in (
                self._anything(asked["q"]),
                self._agent(asked["agent"]),
                self._person(asked["person"]),
                self._stream(asked["stream"]),
            )
            if group is not None
        ]
        return Search(
            any_of=tuple(groups),
            action=asked["action"],
            outcome=asked["outcome"],
            framework=asked["framework"].strip(),
            number=asked["number"],
            since=_utc(asked["since"]),
            until=_utc(asked["until"]),
            with_reads=asked["reads"] or bool(asked["q"]) or asked["number"] is not None,
        )

    def _anything(self, text: str) -> Sequence[Match] | None:
        text = text.strip()
        if not text:
            return None
        if text.isdecimal():
            return [("entry__seq", text)]
        if is_uuid(text.removeprefix("event/")):
            return [("id", text.removeprefix("event/"))]
        if pseudonyms.is_person(text) or pseudonyms.parse(text):
            return self._person(text)
        return [(column, text) for column in COLUMNS_OF_ANYTHING]

    def _agent(self, text: str) -> Sequence[Match] | None:
        if not text.strip():
            return None
        return [("stream", each) for each in named("agent", text)] or [NOBODY]

    def _person(self, text: str) -> Sequence[Match] | None:
        """By name or id for who may know them; by pseudonym for everybody, never the other way round."""
        if not text.strip():
            return None
        if pseudonym := pseudonyms.parse(text):
            known = [
                each
                for each in ledger_search.distinct("actor", "person/")
                if pseudonyms.of(each) == pseudonym
            ]
        else:
            known = named("person", text) if self.sight.names else []
        return [(column, each) for each in known for column in COLUMNS_OF_A_PERSON] or [NOBODY]

    def _stream(self, text: str) -> Sequence[Match] | None:
        text = text.strip()
        if not text:
            return None
        if not self.sight.names and (pseudonyms.is_person(text) or pseudonyms.parse(text)):
            return [
                ("stream", reference) for _, reference in self._person(text) or [] if "/" in reference
            ] or [NOBODY]
        return [("stream", text)]


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
