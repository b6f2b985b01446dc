"""Too many failures: what django-axes counts by, and what it answers."""

from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from agents import selectors, typed_names
from agents.models import Person

TOO_MANY_REQUESTS = 429


def counted_name(request: HttpRequest | None, credentials: dict[str, Any] | None) -> str:
    """The name that failures count for: a person's own; a digest of what was typed where nobody has it."""
    typed = (credentials or {}).get("username") or (request.POST.get("login", "") if request else "")
    person = selectors.person_named(typed)
    return person.username if person else f"unknown:{typed_names.digest(typed)}"


def is_locked(request: HttpRequest, person: Person) -> bool:
    return not AxesProxyHandler.is_allowed(request, {"username": person.username})


def count_failure(request: HttpRequest, person: Person) -> None:
    """A failed second factor counts like a failed password."""
    AxesProxyHandler.user_login_failed(
        sender=Person, credentials={"username": person.username}, request=request
    )


def answer(
    request: HttpRequest, _response: HttpResponse | None = None, _credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """What somebody sees who is locked out: the same whether or not the name exists."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    return render(request, "account/locked.html", {"minutes": minutes}, status=TOO_MANY_REQUESTS)
