"""What an allowed access is tied to: a closed vocabulary, read from the policies that permitted it. Pure.

`mask:<name>` - members of that name are hidden before anybody sees the result. `notify:owner` - the owner
is told. `step_up` - a person confirms before it happens. Whoever enforces and does not understand one of
them refuses (fail closed).
"""

import re
from collections.abc import Iterable

from agents.duties import MASK, NOTIFY_OWNER, STEP_UP

ANNOTATION = "obligation"
_MASK = re.compile(rf"{MASK}[A-Za-z_][A-Za-z0-9_]{{0,63}}")


class ObligationError(ValueError):
    """It is none of the vocabulary; the sentence says what is."""


def read(text: str) -> tuple[str, ...]:
    """The obligations of one annotation, separated by commas.

    Raises:
        ObligationError: one of them is none of the vocabulary.
    """
    found = tuple(part.strip() for part in text.split(","))
    for obligation in found:
        if obligation not in {NOTIFY_OWNER, STEP_UP} and _MASK.fullmatch(obligation) is None:
            raise ObligationError(
                f"`{obligation}` is no obligation. There are {MASK}<name of a member>, {NOTIFY_OWNER} "
                f"and {STEP_UP}."
            )
    return found


def together(each: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """All of several policies, each once, sorted."""
    return tuple(sorted({obligation for some in each for obligation in some}))
