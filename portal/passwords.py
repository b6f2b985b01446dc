"""Changing one's own password, through the service that records it."""

from typing import Any
from uuid import UUID

from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse_lazy
from unfold.forms import AdminOwnPasswordChangeForm

from agents.models import Person
from agents.services import people
from portal.sign_in.recording import id_of


class PasswordForm(AdminOwnPasswordChangeForm):  # type: ignore[misc]
    """Django's form, which asks for the old password and checks the new one; the service saves it."""

    session: UUID | None = None

    def save(self, commit: bool = True) -> Person:  # noqa: FBT001, FBT002 - Django's signature
        person: Person = self.user
        if commit:
            people.change_password(
                actor=person, password=self.cleaned_data["new_password1"], session=self.session
            )
        return person


def change_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
    """The page; the session that changed it stays, the others end."""
    view = PasswordChangeView.as_view(
        form_class=type("OwnPasswordForm", (PasswordForm,), {"session": id_of(request)}),
        success_url=reverse_lazy("admin:password_change_done"),
        extra_context=context,
    )
    return view(request)
