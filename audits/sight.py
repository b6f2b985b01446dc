"""What a reader of the ledger may see of it: names and payloads, or pseudonyms alone."""

from typing import Any

from audits import bodies, pseudonyms
from audits.models import Event

PERMISSION = "audits.view_names"


class Sight:
    """Without `names`, people are pseudonyms, and payloads are withheld."""

    def __init__(self, *, names: bool) -> None:
        self.names = names

    def called(self, reference: str) -> str:
        """What the ledger calls something, as this reader may know it."""
        return pseudonyms.of(reference) if pseudonyms.is_person(reference) and not self.names else reference

    def actor(self, event: Event) -> str:
        """The name as it was then; the opaque reference once that was erased."""
        if self.names:
            try:
                return event.actor_name or event.actor
            except bodies.BoxDamaged:
                return f"{event.actor} (the name was damaged)"
        return self.called(event.actor)

    def text(self, text: str) -> str:
        return text if self.names else pseudonyms.mask(text)

    def value(self, value: Any) -> Any:
        """JSON, with pseudonyms wherever it names people."""
        if self.names:
            return value
        if isinstance(value, str):
            return pseudonyms.mask(value)
        if isinstance(value, dict):
            return {name: self.value(each) for name, each in value.items()}
        return [self.value(each) for each in value] if isinstance(value, list) else value
