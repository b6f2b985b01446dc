"""What the gateway owes for an access that was allowed under obligations. Pure.

The words are those of the decision point. An obligation that is not honoured here refuses the call: what
is not understood must not be passed over.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MASK, NOTIFY_OWNER, STEP_UP = "mask:", "notify:owner", "step_up"
MASKED = "[masked]"


class DutyError(ValueError):
    """An obligation that the gateway cannot honour; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Duties:
    """What is hidden in the result, and whether the owner is told."""

    masked: frozenset[str] = frozenset()
    notify: bool = False

    def mask(self, value: Any) -> Any:
        """The value with the members of these names hidden, however deep they stand."""
        if not self.masked:
            return value
        if isinstance(value, dict):
            return {
                name: MASKED if name in self.masked else self.mask(member) for name, member in value.items()
            }
        return [self.mask(item) for item in value] if isinstance(value, list) else value


def read(obligations: Iterable[str]) -> Duties:
    """
    Raises:
        DutyError: one of them asks for what the gateway cannot do.
    """
    masked, notify = set(), False
    for obligation in obligations:
        if obligation.startswith(MASK) and len(obligation) > len(MASK):
            masked.add(obligation.removeprefix(MASK))
        elif obligation == NOTIFY_OWNER:
            notify = True
        else:
            raise DutyError(f"It is allowed under the obligation {obligation}, which is not honoured here.")
    return Duties(frozenset(masked), notify)
