"""Read or write, in the same colours everywhere; a word that is neither stands out."""

from django.utils.safestring import SafeString

from agents.choices import Access
from audits.admin.show import show_label

COLOURS = {Access.READ: "info", Access.WRITE: "warning"}


def show_access(word: str) -> SafeString:
    if word not in Access.values:
        return show_label(word, "danger")
    access = Access(word)
    return show_label(access.label, COLOURS[access])
