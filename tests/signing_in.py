"""Proofs of who somebody is, as tests need them."""

import time
from collections.abc import Iterable
from datetime import timedelta

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client
from django.utils import timezone

from agents.authentication import Authentication
from agents.models import Person

PASSWORD_RECORD = {"method": "password"}
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
USER_KEY = "account_authentication_methods_user"
just_signed_in = Client.force_login


def proof(person: Person, *methods: str, minutes: float = 0) -> Authentication:
    """The person proved who they are so many minutes ago."""
    return Authentication(
        person=str(person.pk),
        at=timezone.now() - timedelta(minutes=minutes),
        methods=methods or ("pwd", "otp"),
    )


def force_login(client: Client, user: Person, backend: str | None = None) -> None:
    """Django's, as somebody who has just typed their password: what the tests of pages begin with."""
    just_signed_in(client, user, backend)
    prove(client, user, [PASSWORD_RECORD])


def prove(client: Client, person: Person, records: Iterable[dict[str, str]], *, minutes: float = 0) -> None:
    """Let the client's session say that the person proved this, so many minutes ago."""
    session = client.session
    at = time.time() - minutes * 60
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [
        record | {"at": at, "reauthenticated": True} for record in records
    ]
    session[USER_KEY] = str(person.pk)
    session.save()


def add_app(person: Person, seed: str = SEED) -> Authenticator:
    """An authenticator app for the person."""
    added: Authenticator = TOTP.activate(person, seed).instance
    return added


def code(seed: str = SEED, *, steps: int = 0) -> str:
    """What the app shows now; `steps` half minutes later or earlier."""
    return str(format_hotp_value(hotp_value(seed, int(time.time()) // 30 + steps)))
