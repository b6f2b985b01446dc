"""What changed in a text, word by word: what is gone is struck through, what is new is underlined.

Both are said aloud as well, for readers who do not see the marks. The texts are foreign: each piece is
escaped, and characters that nobody sees are named.
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audits.visible import visible

# Comparing takes time that grows with the square of the words: longer texts are shown as wholly replaced.
LONGEST = 4_000
# Where hardly a word is the same, single words that happen to be are a distraction.
ALIKE = 0.25
_word = re.compile(r"\S+\s*|\s+")


def show_change(before: str, after: str) -> tuple[SafeString, SafeString]:
    """`before` with what is gone marked, and `after` with what is new."""
    old, new = _word.findall(before), _word.findall(after)
    if len(old) + len(new) > LONGEST:
        return _gone(before), _new(after)
    matcher = SequenceMatcher(None, old, new)
    if matcher.ratio() < ALIKE:
        return _gone(before), _new(after)
    left, right = [], []
    for verb, i, j, k, m in matcher.get_opcodes():
        if verb == "equal":
            left.append(_same(old[i:j]))
            right.append(_same(new[k:m]))
        else:
            left.append(_gone("".join(old[i:j])))
            right.append(_new("".join(new[k:m])))
    return _joined(left), _joined(right)


def _joined(pieces: Sequence[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((piece,) for piece in pieces))


def _same(words: Sequence[str]) -> SafeString:
    return format_html("{}", visible("".join(words)))


def _gone(text: str) -> SafeString:
    if not text:
        return SafeString()
    said = '<span class="sr-only">(removed: </span>{}<span class="sr-only">)</span>'
    return format_html(f'<del class="cs-gone">{said}</del>', visible(text))


def _new(text: str) -> SafeString:
    if not text:
        return SafeString()
    said = '<span class="sr-only">(added: </span>{}<span class="sr-only">)</span>'
    return format_html(f'<ins class="cs-new">{said}</ins>', visible(text))
