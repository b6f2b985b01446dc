"""What happens at the sign-in, told to the services: they write the ledger."""

from typing import Any, cast
from uuid import UUID

from allauth.account.internal.flows.login import record_authentication
from allauth.core import context
from allauth.mfa import signals as mfa_signals
from allauth.mfa.models import Authenticator
from django.contrib.auth import signals as auth_signals
from django.db.models.signals import post_save
from django.http import HttpRequest

from agents.choices import Refusal, SessionEnd
from agents.models import Person, Session
from agents.services import second_factors, sessions
from portal.sign_in import evidence, lockout
from portal.sign_in.address import address_of


def connect() -> None:
    auth_signals.user_logged_in.connect(started, dispatch_uid="portal.sign_in.started")
    auth_signals.user_logged_out.connect(signed_out, dispatch_uid="portal.sign_in.signed_out")
    auth_signals.user_login_failed.connect(failed, dispatch_uid="portal.sign_in.failed")
    mfa_signals.authentication_failed.connect(factor_failed, dispatch_uid="portal.sign_in.factor_failed")
    mfa_signals.authenticator_removed.connect(factor_removed, dispatch_uid="portal.sign_in.factor_removed")
    post_save.connect(factor_added, sender=Authenticator, dispatch_uid="portal.sign_in.factor_added")


def started(request: HttpRequest, user: Person, **_signal: Any) -> None:
    """A session begins: its row, its event, and the row's name in the session's data."""
    proofs = evidence.proofs_of(request, user)
    methods = dict.fromkeys(method for proof in proofs for method in proof.methods)
    session = sessions.start(
        actor=user,
        methods=list(methods),
        address=address_of(request),
        user_agent=request.META.get("HTTP_USER_AGENT", ""),
    )
    request.session[evidence.SESSION_ID] = str(session.pk)


def signed_out(request: HttpRequest, user: Person | None, **_signal: Any) -> None:
    session = session_of(request)
    if user and session and session.ended_at is None:
        sessions.end(actor=user.actor, session=session, reason=SessionEnd.SIGNED_OUT)


def failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_signal: Any) -> None:
    """A wrong name or password. While a name is locked, further attempts fill no ledger."""
    if request is None:
        return
    locked = getattr(request, "axes_locked_out", False)
    if locked and request.axes_failures_since_start is None:  # type: ignore[attr-defined]
        return
    why = Refusal.CONFIRMATION if request.user.is_authenticated else Refusal.CREDENTIALS
    sessions.record_refusal(
        name=credentials.get("username", ""),
        why=Refusal.LOCKED if locked else why,
        address=address_of(request),
    )


def factor_failed(
    request: HttpRequest, user: Person, *, reauthentication: bool = False, **_signal: Any
) -> None:
    lockout.count_failure(request, user)
    why = Refusal.CONFIRMATION if reauthentication else Refusal.SECOND_FACTOR
    locked = getattr(request, "axes_locked_out", False)
    sessions.record_refusal(
        name=user.username, why=Refusal.LOCKED if locked else why, address=address_of(request)
    )


def factor_added(instance: Authenticator, *, created: bool, **_signal: Any) -> None:
    """Only its owner adds a factor, from the session that is open."""
    if created:
        request = context.request
        if request and instance.type != Authenticator.Type.RECOVERY_CODES:
            # Adding it has shown that it works: that is a proof like any other use.
            record_authentication(
                request, instance.user, "mfa", id=instance.pk, type=instance.type, reauthenticated=True
            )
        session = id_of(request) if request else None
        second_factors.record_added(actor=instance.user, kind=instance.type, session=session)


def factor_removed(request: HttpRequest, user: Person, authenticator: Authenticator, **_signal: Any) -> None:
    second_factors.record_removed(actor=user, kind=authenticator.type, session=id_of(request))


def session_of(request: HttpRequest) -> Session | None:
    """The row of the session that the request comes with, ended or not."""
    name = id_of(request)
    return Session.objects.filter(pk=name).first() if name else None


def id_of(request: HttpRequest) -> UUID | None:
    name = request.session.get(evidence.SESSION_ID)
    return UUID(cast("str", name)) if name else None
