"""Characters that a reader does not see, made visible: they can hide words, or show them in another order.

A right-to-left override becomes `[U+202E]`. Line breaks and tabs stay. Nothing is removed: what is
stored stays as it came, and a reader sees that something is there.
"""

import re

# Controls; format characters (bidirectional, zero-width, tags); separators; blanks that count as letters;
# the variation selectors, in which texts have been hidden (all but U+FE0E and U+FE0F, common with emoji).
_unseen = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
SHOWN = 8


def visible(text: str) -> str:
    """`text` with unseen characters named; of a long run of them the first ones, and how many there are."""
    return _unseen.sub(_named, text)


def _named(found: re.Match[str]) -> str:
    run = found[0]
    names = "".join(f"[U+{ord(character):04X}]" for character in run[:SHOWN])
    return names if len(run) <= SHOWN else f"{names}[and {len(run) - SHOWN} more]"
