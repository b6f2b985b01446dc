"""Between signing in and every page: the session's limits, and the second factor that is required."""

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from agents import selectors
from agents.authentication import SECOND_FACTORS
from agents.choices import SessionEnd
from agents.models import Person, Session
from agents.services import sessions
from governance import permissions
from portal.sign_in.evidence import authentication_of
from portal.sign_in.recording import session_of

Answer = Callable[[HttpRequest], HttpResponseBase]
FREE = ("account_login", "admin:logout")  # with all that is below them


class SignedIn:
    """Refuses sessions that have ended, and whoever lacks the second factor that they need.

    It stands before every view, so that no address leads past it. `request.authentication` is the
    evidence that services ask for.
    """

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.authentication = SimpleLazyObject(lambda: authentication_of(request))  # type: ignore[attr-defined]
        if request.user.is_authenticated:
            session = session_of(request)
            if session is None or not self._goes_on(request, session):
                self._leave(request, session)
            elif self._lacks_second_factor(request, session):
                there = urlencode({"next": request.get_full_path()})
                return HttpResponseRedirect(f"{reverse('second_factor_needed')}?{there}")
        return self._get_response(request)

    def _goes_on(self, request: HttpRequest, session: Session) -> bool:
        if session.ended_at is not None or session.person_id != cast("Person", request.user).pk:
            return False
        over = selectors.why_session_over(session)
        if over:
            sessions.end(actor=sessions.SIGN_IN, session=session, reason=over)
            return False
        sessions.seen(session=session)
        return True

    def _leave(self, request: HttpRequest, session: Session | None) -> None:
        request.session.flush()
        request.user = AnonymousUser()
        why = SessionEnd(session.end_reason).label if session and session.end_reason else ""
        messages.warning(request, f"Your session has ended. {why}{'.' if why else ''} Sign in again.".strip())

    def _lacks_second_factor(self, request: HttpRequest, session: Session) -> bool:
        if request.path.startswith(tuple(reverse(name) for name in FREE)):
            return False
        if not SECOND_FACTORS.isdisjoint(session.methods):
            return False
        person: Any = request.user
        return permissions.needs_second_factor(person) and not selectors.has_second_factor(person)
