"""What an approved entry of the register said, as far as it can be put back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.models import Person


@dataclass(frozen=True, slots=True)
class ApprovedEntry:
    """The agent's own `fields` by name, its `deputies` and its `sponsor`."""

    fields: Mapping[str, Any]
    deputies: Sequence[Person]
    sponsor: Person | None
