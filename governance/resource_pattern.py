"""Which resources a pattern means. Pure: knows no database and no clock.

A pattern is a reference ``type/identifier`` in which ``{name}`` stands for one part between slashes, as in a
tool manifest, and ``*`` for anything at all. A ``*``, and a type that is not written out, are *wildcards*:
they need an exception record (S1-8).
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from governance.manifest import PART, PLACE

ANYTHING = "*"
_TOKEN = re.compile(rf"{PLACE.pattern}|\*|.", re.DOTALL)
_ANY = "\uffff"
_IN_PLACE = re.compile(PART)

# One step of a pattern: which characters it takes (None: any of a part; "": any at all), and whether it may
# take more of them, or none.
_Step = tuple[str | None, bool]


def is_wildcard(pattern: str) -> bool:
    """Whether it names more than resources of one type, part by part."""
    return ANYTHING in pattern or bool(PLACE.search(pattern.partition("/")[0]))


def covers(pattern: str, resource: str) -> bool:
    """Whether a concrete resource is one of those that the pattern means."""
    return _expression(pattern).fullmatch(resource) is not None


def within(template: str, pattern: str) -> bool:
    """Whether the pattern means every resource that a template of a manifest means.

    It does if it takes a character that stands in no pattern wherever the template has a place.
    """
    return covers(pattern, PLACE.sub(_ANY, template))


def meet(one: str, other: str) -> bool:
    """Whether some resource is meant by both patterns."""
    right = _steps(other)
    # meets[j]: whether what is left of `one`, step by step from its end, and right[j:] have one in common.
    meets = _after_the_last(right)
    for character, loops in reversed(_steps(one)):
        below, meets = meets, [False] * (len(right) + 1)
        meets[-1] = loops and below[-1]
        for j in range(len(right) - 1, -1, -1):
            other_character, other_loops = right[j]
            # One of the two takes nothing more, or both take the same character.
            skips = (loops and below[j]) or (other_loops and meets[j + 1])
            rest = meets if loops else below
            meets[j] = skips or (_same(character, other_character) and rest[j if other_loops else j + 1])
    return meets[0]


def _after_the_last(steps: Sequence[_Step]) -> list[bool]:
    """Where the other pattern is at its end: only steps that may take nothing are left."""
    row = [True] * (len(steps) + 1)
    for j in range(len(steps) - 1, -1, -1):
        row[j] = row[j + 1] and steps[j][1]
    return row


def _same(one: str | None, other: str | None) -> bool:
    """Whether some character is taken by both."""
    if one == "" or other == "":
        return True
    if one is None or other is None:
        known = one or other
        return known is None or _IN_PLACE.fullmatch(known) is not None
    return one == other


def _steps(pattern: str) -> list[_Step]:
    found: list[_Step] = []
    for token in _TOKEN.findall(pattern):
        if token == ANYTHING:
            found.append(("", True))
        elif len(token) > 1:
            found += [(None, False), (None, True)]
        else:
            found.append((token, False))
    return found


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    parts = (
        ".*" if token == ANYTHING else PART if len(token) > 1 else re.escape(token)
        for token in _TOKEN.findall(pattern)
    )
    return re.compile("".join(parts), re.DOTALL)
