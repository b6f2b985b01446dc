"""Differences word by word: nothing is lost, nothing is let through, nothing takes for ever."""

import re
import time
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from audits.visible import visible
from governance.admin.word_diff import LONGEST, show_change

words = st.lists(
    st.sampled_from(["it", "reads", "writes", "<b>", "&amp;", "\n", "a\u202eb", "tickets."]), max_size=12
)
texts = st.one_of(words.map(" ".join), st.text(max_size=60))
SAID = re.compile(r'<span class="sr-only">[^<]*</span>')
TAGS = re.compile(r"</?(?:ins|del)[^>]*>")


def plain(html: str) -> str:
    return unescape(TAGS.sub("", SAID.sub("", html)))


@given(texts, texts)
def test_both_sides_are_shown_whole_and_escaped(before: str, after: str) -> None:
    left, right = show_change(before, after)
    assert (plain(left), plain(right)) == (visible(before), visible(after))
    assert "<b>" not in left + right
    assert "<ins" not in left
    assert "<del" not in right


@given(texts)
def test_what_is_the_same_is_not_marked(text: str) -> None:
    assert not any(mark in side for side in show_change(text, text) for mark in ("<ins", "<del"))


def test_one_word_in_a_long_text_is_all_that_is_marked() -> None:
    text = " ".join(f"word{number}" for number in range(200))
    left, right = show_change(text, text.replace("word77 ", "another "))
    assert left.count("<del") == right.count("<ins") == 1
    assert "word77" in re.findall(r"<del.*?</del>", left)[0]


def test_hostile_texts_do_not_take_for_ever() -> None:
    started = time.monotonic()
    half = LONGEST // 2 - 1
    show_change("a " * half, "a b " * (half // 2))
    show_change("a " * 10**6, "b " * 10**6)
    assert time.monotonic() - started < 20
