"""One's own sign-in: second factors, sessions, password."""

from dataclasses import dataclass
from typing import cast

from allauth.mfa.models import Authenticator
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from agents.choices import SessionEnd
from agents.models import Person, Session
from agents.services import sessions
from audits.admin.show import show_time
from audits.errors import ServiceError
from governance.permissions import needs_second_factor
from portal.sign_in.recording import id_of


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor as its owner sees it."""

    kind: str
    name: str
    added: SafeString
    used: SafeString
    remove_url: str


def my_sign_in(request: HttpRequest) -> HttpResponse:
    """The page; with POST it ends one of one's own sessions."""
    person = cast("Person", request.user)
    if request.method == "POST":
        return _end(request, person)
    context = {
        **admin.site.each_context(request),
        "title": "Your sign-in",
        "factors": [_factor(each) for each in _authenticators(person)],
        "has_app": any(each.type == Authenticator.Type.TOTP for each in _authenticators(person)),
        "has_codes": Authenticator.objects.filter(
            user=person, type=Authenticator.Type.RECOVERY_CODES
        ).exists(),
        "required": needs_second_factor(person),
        "has_password": person.has_usable_password(),
        "sessions": [
            (session, show_time(session.started_at), show_time(session.seen_at))
            for session in Session.objects.filter(person=person, ended_at__isnull=True)
        ],
        "this_session": id_of(request),
    }
    return TemplateResponse(request, "portal/my_sign_in.html", context)


def _end(request: HttpRequest, person: Person) -> HttpResponse:
    session = get_object_or_404(Session, pk=request.POST.get("session") or None, person=person)
    try:
        sessions.end(actor=person.actor, session=session, reason=SessionEnd.ENDED)
    except ServiceError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The session has ended.")
    return HttpResponseRedirect(reverse("admin:my_sign_in"))


def _authenticators(person: Person) -> list[Authenticator]:
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    return list(Authenticator.objects.filter(user=person, type__in=kinds).order_by("created_at"))


def _factor(authenticator: Authenticator) -> Factor:
    is_key = authenticator.type == Authenticator.Type.WEBAUTHN
    return Factor(
        kind="Security key" if is_key else "Authenticator app",
        name=authenticator.wrap().name if is_key else "",
        added=show_time(authenticator.created_at),
        used=show_time(authenticator.last_used_at),
        remove_url=reverse("mfa_remove_webauthn", args=[authenticator.pk])
        if is_key
        else reverse("mfa_deactivate_totp"),
    )
