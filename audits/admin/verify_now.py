"""The form that asks for a verification."""

from typing import Any

from django import forms

from audits.admin.base import ServiceForm
from audits.choices import VerificationKind

WHAT = {
    VerificationKind.WHOLE: "Everything: each entry from its bytes.",
    VerificationKind.SINCE: "What came since the last sound verification.",
    VerificationKind.STREAM: "One stream: every entry of it, and that none was left out.",
}


class VerifyForm(ServiceForm):
    """The input of `verification.request`."""

    kind = forms.ChoiceField(
        label="What",
        choices=[(kind.value, words) for kind, words in WHAT.items()],
        initial=VerificationKind.WHOLE,
        widget=forms.RadioSelect,
    )
    stream = forms.CharField(
        required=False,
        max_length=200,
        help_text="For one stream: agent/<id>, as on the pages of the ledger.",
    )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        given["stream"] = given.get("stream", "").strip()
        of_one = given.get("kind") == VerificationKind.STREAM
        if of_one and not given["stream"] and "stream" not in self.errors:
            self.add_error("stream", "Name the stream, for example agent/<id>.")
        if not of_one:
            given["stream"] = ""
        return given
