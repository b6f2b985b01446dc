"""What changed in a text, line by line: what is gone is struck through, what is new is underlined.

Both are said aloud as well, for readers who do not see the marks. Long stretches that are the same are
left out. The texts are foreign: each line is escaped, and characters that nobody sees are named.
"""

from collections.abc import Iterator
from difflib import SequenceMatcher

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audits.visible import visible

AROUND = 3
LONGEST = 5_000
_MARKS = {
    "-": '<del class="cs-gone"><span class="sr-only">(removed: </span>{}<span class="sr-only">)</span></del>',
    "+": '<ins class="cs-new"><span class="sr-only">(added: </span>{}<span class="sr-only">)</span></ins>',
}


def show_lines(before: str, after: str) -> SafeString:
    """`after` against `before`; empty where they are the same."""
    old, new = before.splitlines(), after.splitlines()
    if old == new:
        return SafeString()
    if len(old) + len(new) > LONGEST:
        lines = [*(("-", line) for line in old), *(("+", line) for line in new)]
    else:
        lines = list(_lines(old, new))
    shown = format_html_join("\n", "{}", ((_line(mark, text),) for mark, text in lines))
    return format_html('<pre class="cs-code" tabindex="0">{}</pre>', shown)


def _lines(old: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(AROUND):
        yield "@", f"Line {group[0][3] + 1}"
        for verb, i, j, k, m in group:
            if verb == "equal":
                yield from (("", line) for line in new[k:m])
                continue
            yield from (("-", line) for line in old[i:j])
            yield from (("+", line) for line in new[k:m])


def _line(mark: str, text: str) -> SafeString:
    if mark == "@":
        return format_html('<span class="cs-hint">{}</span>', text)
    return format_html(_MARKS.get(mark, "{}"), visible(text))
