"""The ledger. Reading it is recorded (S2-19); who may not read names sees pseudonyms, and no payloads."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audits import bodies, ledger_search, pseudonyms
from audits.api import paging
from audits.api.base import Collection, Filter, Item, Resource, Shown
from audits.choices import Action, Outcome
from audits.ledger_search import Match, Search
from audits.models import Event
from audits.sight import PERMISSION, Sight

NOBODY: Match = ("id", str(UUID(int=0)))
LONGEST = 200
REFERENCES = ("stream", "actor", "object")


class PlaceShown(serializers.Serializer[Any]):
    """Where the event is sealed."""

    seq = serializers.IntegerField(help_text="Index of its leaf in the ledger.")
    stream_seq = serializers.IntegerField(help_text="Its place in its stream, from 1.")
    sealed_at = serializers.DateTimeField()
    leaf = serializers.SerializerMethodField(help_text="Hash of its leaf, in hex.")

    def get_leaf(self, entry: Any) -> str:
        return bytes(entry.leaf).hex()


class EventShown(Shown):
    stream = serializers.SerializerMethodField()
    actor = serializers.SerializerMethodField(help_text="A reference, or a pseudonym.")
    actor_name = serializers.SerializerMethodField(help_text="As it was then; a pseudonym; or the reference.")
    object = serializers.SerializerMethodField()
    entry = serializers.SerializerMethodField(help_text="Null while it waits to be sealed.")

    class Meta:
        model = Event
        fields = (
            "id",
            "time",
            "stream",
            "action",
            "actor",
            "actor_name",
            "object",
            "outcome",
            "frameworks",
            "entry",
        )

    @property
    def sight(self) -> Sight:
        seen: Sight = self.context["view"].sight
        return seen

    def get_stream(self, event: Event) -> str:
        return self.sight.called(event.stream)

    def get_actor(self, event: Event) -> str:
        return self.sight.called(event.actor)

    def get_actor_name(self, event: Event) -> str:
        return self.sight.actor(event)

    def get_object(self, event: Event) -> str:
        return self.sight.called(event.object)

    @extend_schema_field(PlaceShown(allow_null=True))
    def get_entry(self, event: Event) -> Any:
        entry = getattr(event, "entry", None)
        return PlaceShown(entry).data if entry else None


class WholeEvent(EventShown):
    header = serializers.SerializerMethodField(help_text="What is sealed, parsed; it holds no personal data.")
    body = serializers.SerializerMethodField(
        help_text="The payload; null where it is withheld, gone or damaged."
    )

    class Meta(EventShown.Meta):
        fields = (*EventShown.Meta.fields, "header", "body")  # type: ignore[assignment]

    def get_header(self, event: Event) -> dict[str, Any]:
        header: dict[str, Any] = self.sight.value(event.fields)
        return header

    def get_body(self, event: Event) -> dict[str, Any] | None:
        if not self.sight.names:
            return None
        try:
            return event.details or None
        except bodies.BoxDamaged:
            return None


class OfTheLedger(Resource):
    """A resource that shows as much as its reader may see."""

    read_as = "ledger"
    permission = "audits.view_event"

    @property
    def sight(self) -> Sight:
        return Sight(names=bool(self.person.has_perm(PERMISSION)))


def _text(words: str = "") -> Filter:
    return Filter(serializers.CharField(max_length=LONGEST, help_text=words), "")


class Events(OfTheLedger, Collection[Event]):
    """The ledger, newest first, without readings of it unless they are asked for. That it is read is
    recorded."""

    title = "List events"
    shown = EventShown
    filters = {
        "stream": _text("For example agent/ and an id."),
        "actor": _text("A reference or a pseudonym."),
        "object": _text("A reference or a pseudonym."),
        "action": Filter(serializers.ChoiceField(Action.choices), ""),
        "outcome": Filter(serializers.ChoiceField(Outcome.choices), ""),
        "framework": _text("For example ISO27001."),
        "since": Filter(serializers.DateTimeField(help_text="Recorded at or after."), ""),
        "until": Filter(serializers.DateTimeField(help_text="Recorded before."), ""),
        "seq": Filter(serializers.IntegerField(min_value=0, max_value=2**62), ""),
        "reads": Filter(serializers.BooleanField(help_text="Readings of the ledger too."), ""),
    }

    def rows(self) -> QuerySet[Event]:
        return Event.objects.select_related("entry", "body")

    def page(self, *, size: int, cursor: str) -> paging.Page[Event]:
        found = ledger_search.page(self._search(), size=size, before=_id(cursor) if cursor else None)
        known = self.rows().in_bulk(found.ids)
        rows = [known[each] for each in found.ids if each in known]
        return paging.Page(rows, paging.encode(found.ids[-1]) if found.has_older else "")

    def _search(self) -> Search:
        asked = self.asked
        return Search(
            any_of=tuple(self._matching(name, asked[name]) for name in REFERENCES if name in asked),
            action=asked.get("action", ""),
            outcome=asked.get("outcome", ""),
            framework=asked.get("framework", ""),
            number=asked.get("seq"),
            since=asked.get("since"),
            until=asked.get("until"),
            with_reads=asked.get("reads", False) or "seq" in asked,
        )

    def _matching(self, column: str, text: str) -> Sequence[Match]:
        """A person by id only for who may know them; by pseudonym for everybody."""
        if pseudonym := pseudonyms.parse(text):
            people = ledger_search.distinct("actor", "person/")
            return [(column, each) for each in people if pseudonyms.of(each) == pseudonym] or [NOBODY]
        return [NOBODY] if pseudonyms.is_person(text) and not self.sight.names else [(column, text)]


class OneEvent(OfTheLedger, Item[Event]):
    """An event: its sealed header, and its payload for who may read it. That it is read is recorded."""

    title = "Read an event"
    read_as = "event"
    shown = WholeEvent

    def rows(self) -> QuerySet[Event]:
        return Event.objects.select_related("entry", "body")


def _id(cursor: str) -> UUID:
    try:
        return UUID(paging.decode(cursor))
    except ValueError as error:
        raise paging.wrong_cursor() from error
