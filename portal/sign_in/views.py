"""The sign-in's own pages; django-allauth brings the others."""

from typing import Any, cast
from urllib.parse import urlencode

from allauth.account import views as account
from allauth.account.adapter import get_adapter
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.webauthn import views as webauthn
from allauth.socialaccount.adapter import get_adapter as get_social_adapter
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from agents.choices import Refusal
from agents.models import Person
from agents.services import people, sessions
from audits.admin.forms import show_service_error
from audits.errors import ServiceError
from portal.sign_in.address import address_of
from portal.sign_in.forms import PasswordForm

FRESH = "prompt=login&max_age=0"


@login_required
@never_cache
def confirm(request: HttpRequest) -> HttpResponse:
    """Lead to the strongest way in which this person can confirm who they are; then back to `next`."""
    there = urlencode({"next": get_next_redirect_url(request) or reverse("admin:index")})
    methods = get_adapter(request).get_reauthentication_methods(request.user)
    if methods:
        return HttpResponseRedirect(f"{methods[0]['url']}?{there}")
    return render(request, "account/confirm_elsewhere.html", {"providers": providers(request, fresh=True)})


@login_required
@never_cache
def second_factor_needed(request: HttpRequest) -> HttpResponse:
    """Where whoever needs a second factor and has none ends up until they have one."""
    return render(request, "account/second_factor_needed.html")


@sensitive_post_parameters()
@never_cache
def invitation(request: HttpRequest, person_id: str, token: str) -> HttpResponse:
    """Choose a password, with the link that an administrator made."""
    person = Person.objects.filter(pk=person_id).first()
    if person is None:
        raise Http404
    form = PasswordForm(request.POST or None)
    if form.is_valid():
        try:
            people.accept_invitation(person=person, token=token, password=form.cleaned_data["password"])
        except ServiceError as error:
            show_service_error(form, error)
        else:
            return render(request, "account/invitation_accepted.html", {"person": person})
    return render(request, "account/invitation.html", {"form": form, "person": person})


def providers(request: HttpRequest, *, fresh: bool = False) -> list[dict[str, Any]]:
    """The identity providers that are configured, and where signing in with each begins.

    `fresh` asks the provider to let the person prove once more who they are.
    """
    asked = {"next": get_next_redirect_url(request) or "", "process": "login"}
    if fresh:
        asked["auth_params"] = FRESH
    query = {name: value for name, value in asked.items() if value}
    return [
        {"name": provider.name, "url": provider.get_login_url(request, **query)}
        for provider in get_social_adapter().list_providers(request)
        if not fresh or provider.id == "openid_connect"
    ]


class SignIn(account.LoginView):  # type: ignore[misc]
    """Username and password, and the ways to identity providers."""

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        shown = {"providers": providers(self.request), "second_factor_optional": settings.MFA == "optional"}
        return {**super().get_context_data(**more), **shown}


class ConfirmByKey(webauthn.ReauthenticateWebAuthnView):  # type: ignore[misc]
    """The security key once more; a wrong answer is said here, and recorded."""

    def form_invalid(self, form: Any) -> HttpResponse:  # noqa: ARG002
        person = person_of(self.request)
        sessions.record_refusal(
            name=person.username, why=Refusal.CONFIRMATION, address=address_of(self.request)
        )
        response: HttpResponse = self.render_to_response(self.get_context_data())
        return response


def person_of(request: HttpRequest) -> Person:
    return cast("Person", request.user)
