"""What nobody sees is shown: the characters that hide or turn around words."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.admin.show import show_foreign, show_json, show_list, show_untrusted
from audits.visible import visible

HIDDEN = ("Cf", "Cc", "Zl", "Zp")
HARMLESS = "\t\n\r"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("left\u202egnp.exe", "left[U+202E]gnp.exe"),
        ("a\u2066b\u2069c", "a[U+2066]b[U+2069]c"),
        ("CVE\u200b-2024-1", "CVE[U+200B]-2024-1"),
        ("\ufeffx\u00ad\u2060", "[U+FEFF]x[U+00AD][U+2060]"),
        ("a\x1b[31mb\x00", "a[U+001B][31mb[U+0000]"),
        ("x\U000e0041\U000e0042", "x[U+E0041][U+E0042]"),
        ("\u3164", "[U+3164]"),
        ("a\tb\r\nc é 漢字 \u2714\ufe0f", "a\tb\r\nc é 漢字 \u2714\ufe0f"),
        ("x" + "\U000e0041" * 10, "x" + "[U+E0041]" * 8 + "[and 2 more]"),
    ],
)
def test_unseen_characters_are_named(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_none_is_left(text: str) -> None:
    left = {one for one in visible(text) if unicodedata.category(one) in HIDDEN and one not in HARMLESS}
    # A few marks of category Cf are seen: they stand before numbers in Arabic, Syriac and Kaithi.
    assert left <= set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2") | {
        one for one in left if ord(one) in (0x110BD, 0x110CD) or 0x13430 <= ord(one) <= 0x1343F
    }


@given(
    st.text(
        alphabet=st.characters(
            categories=["L", "N", "P", "S", "Zs"], exclude_characters="\u2800\u3164\u115f\u1160\uffa0"
        )
    )
)
def test_what_is_seen_stays(text: str) -> None:
    assert visible(text) == text


def test_the_pages_show_it_so() -> None:
    hostile = "<b>\u202e"
    for shown in (
        show_untrusted(hostile, "a scanner"),
        show_foreign(hostile, "a scanner"),
        show_list([hostile]),
        show_json({"a": hostile}, "a scanner"),
    ):
        assert "\u202e" not in shown
        assert "[U+202E]" in shown
        assert "<b>" not in shown
