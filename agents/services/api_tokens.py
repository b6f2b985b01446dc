"""Personal API tokens: added, used, refused, revoked. Their end is recorded; each use is not."""

import ipaddress
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from agents import api_secret, permissions
from agents.authentication import Authentication
from agents.choices import TokenEnd, TokenRefusal, TokenScope
from agents.errors import TokenError
from agents.models import ApiToken, Person, TokenFailures
from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.errors import Conflict, Invalid
from audits.models.base import new_id
from audits.services import history, ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse

API = Actor.system("management-api")
USED_EVERY = timedelta(minutes=1)
IPV6_NETWORK = 64


def add(
    *,
    actor: Actor,
    person: Person,
    name: str,
    scope: TokenScope,
    days: int | None = None,
    authentication: Authentication | None = None,
) -> tuple[ApiToken, str]:
    """Give a person a token for the management API. Returns it with its secret, which is shown this once.

    Args:
        days: how long it lives, `API_TOKEN_DAYS` where none is given.
        authentication: how the person has just proved who they are; the command line needs none.

    Raises:
        Denied: it is for somebody else, the account is not active, or the proof is missing or too old;
            recorded.
        Invalid: no name or too long a one, no such scope, or a life longer than `API_TOKEN_MAX_DAYS`.
    """
    secret, now = api_secret.make(), timezone.now()
    days = settings.API_TOKEN_DAYS if days is None else days
    token = ApiToken(
        id=new_id(),
        person=person,
        name=name.strip(),
        scope=scope,
        prefix=api_secret.shown(secret),
        secret_sha256=api_secret.digest(secret),
        created_at=now,
        created_by=actor.ref,
    )
    with attempt(
        action=Action.API_TOKEN_ADDED,
        actor=actor,
        stream=f"person/{person.pk}",
        object=f"api_token/{token.pk}",
    ):
        refuse(permissions.why_not_add_api_token(actor, person, authentication))
        _check(token, days)
        token.expires_at = now + timedelta(days=days)
        token.save(force_insert=True)
        _record(Action.API_TOKEN_ADDED, actor, token, expires_at=token.expires_at.isoformat())
    return token, secret


def revoke(*, actor: Actor, token: ApiToken) -> ApiToken:
    """End a token, at once and for good.

    Raises:
        Denied: it is somebody else's and the actor is no administrator; recorded.
        Conflict: it was revoked already.
    """
    with attempt(
        action=Action.API_TOKEN_REVOKED,
        actor=actor,
        stream=f"person/{token.person_id}",
        object=f"api_token/{token.pk}",
    ):
        refuse(permissions.why_not_revoke_api_token(actor, token))
        if not _end(actor, token, TokenEnd.REVOKED):
            raise Conflict("This token was revoked already.")
    return token


def end_all(*, actor: Actor, person: Person, reason: TokenEnd) -> int:
    """End every token of a person. Part of another change, which has asked permission."""
    with transaction.atomic():
        live = ApiToken.objects.filter(person=person, revoked_at__isnull=True)
        return sum(_end(actor, token, reason) for token in live.order_by("pk"))


def authenticate(*, secret: str) -> ApiToken:
    """The live token, with its person, that this is the secret of; that it was used is noted.

    Raises:
        TokenError: there is none. It is for the caller to record it (`record_refusal`).
    """
    known = (
        ApiToken.objects.select_related("person").filter(secret_sha256=api_secret.digest(secret)).first()
        if api_secret.is_one(secret)
        else None
    )
    if known is None:
        raise TokenError(TokenRefusal.UNKNOWN)
    if refusal := permissions.why_not_use_api_token(known):
        raise TokenError(refusal, known)
    now = timezone.now()
    if known.last_used_at is None or now - known.last_used_at >= USED_EVERY:
        ApiToken.objects.filter(pk=known.pk).update(last_used_at=now)
    return known


def record_refusal(*, actor: Actor = API, error: TokenError, address: str | None) -> bool:
    """Somebody came with a token that does not count; what they sent is not recorded.

    Returns False, and records nothing, where too many were refused from this address already: beyond
    `AXES_FAILURE_LIMIT` within `AXES_COOLOFF_TIME`, a flood fills no ledger.
    """
    token = error.token
    with transaction.atomic():
        if _count(_counted(address)) > settings.AXES_FAILURE_LIMIT:
            return False
        ledger.record(
            stream=f"person/{token.person_id}" if token else SYSTEM_STREAM,
            action=Action.API_TOKEN_REFUSED,
            actor=actor,
            object=f"api_token/{token.pk}" if token else "api_token/unknown",
            outcome=Outcome.DENIED,
            body={"reason": error.refusal.value, "address": address},
        )
    return True


def _check(token: ApiToken, days: int) -> None:
    problems = {}
    if not 1 <= days <= settings.API_TOKEN_MAX_DAYS:
        problems["days"] = f"From 1 to {settings.API_TOKEN_MAX_DAYS} days."
    try:
        token.clean_fields(exclude=["expires_at"])
    except ValidationError as error:
        problems |= {name: " ".join(messages) for name, messages in error.message_dict.items()}
    if problems:
        raise Invalid(" ".join(problems.values()), fields=problems)


def _end(actor: Actor, token: ApiToken, reason: TokenEnd) -> bool:
    ended = {"revoked_at": timezone.now(), "revoked_by": actor.ref, "end_reason": reason}
    if not ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(**ended):
        return False
    token.refresh_from_db()
    _record(Action.API_TOKEN_REVOKED, actor, token, reason=reason.value)
    return True


def _record(action: Action, actor: Actor, token: ApiToken, **more: str) -> None:
    history.record(
        changed=[token],
        stream=f"person/{token.person_id}",
        action=action,
        actor=actor,
        object=f"api_token/{token.pk}",
        body={"name": token.name, "scope": token.scope, "prefix": token.prefix} | more,
    )


def _counted(address: str | None) -> str:
    """What failures are counted by; whoever has an IPv6 address has its whole network."""
    if not address:
        return "unknown"
    known = ipaddress.ip_address(address)
    if isinstance(known, ipaddress.IPv4Address):
        return address
    return str(ipaddress.ip_network((known, IPV6_NETWORK), strict=False))


def _count(address: str) -> int:
    """Count one more, exactly; what is over is forgotten."""
    now = timezone.now()
    TokenFailures.objects.filter(since__lte=now - settings.AXES_COOLOFF_TIME).delete()
    TokenFailures.objects.bulk_create(
        [TokenFailures(address=address, number=0, since=now)], ignore_conflicts=True
    )
    TokenFailures.objects.filter(address=address).update(number=F("number") + 1)
    number: int = TokenFailures.objects.values_list("number", flat=True).get(address=address)
    return number
