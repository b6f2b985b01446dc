"""The two ends of a period, as forms ask for them: in UTC."""

from typing import Any

from django import forms


def moment(label: str, empty: str, **options: Any) -> forms.DateTimeField:
    """`empty` says what it means where nothing is filled in."""
    return forms.DateTimeField(
        required=False,
        label=label,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=f"UTC. {empty}",
        **options,
    )
