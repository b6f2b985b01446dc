"""What the session knows of how its person proved who they are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from agents.authentication import SECOND_FACTORS, Authentication
from agents.models import Person

SESSION_ID, CLAIMS = "countersign_session", "countersign_claims"
METHODS = {"totp": "otp", "webauthn": "hwk", "recovery_codes": "recovery"}
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Proof:
    """One act of authentication: when, and by which methods (RFC 8176)."""

    at: datetime
    methods: tuple[str, ...]

    @property
    def is_second_factor(self) -> bool:
        return not SECOND_FACTORS.isdisjoint(self.methods)


def authentication_of(request: HttpRequest) -> Authentication:
    """The strongest recent proof of the person at the screen; where none is recent, the latest there is."""
    person = cast("Person", request.user)
    proofs = sorted(proofs_of(request, person), key=lambda proof: proof.at)
    since = timezone.now() - timedelta(seconds=settings.REAUTHENTICATION_SECONDS)
    counted = [proof for proof in proofs if proof.at >= since] or proofs[-1:]
    latest = [proof for proof in counted if proof.is_second_factor] or counted
    methods = dict.fromkeys(method for proof in counted for method in proof.methods)
    return Authentication(
        person=str(person.pk),
        at=latest[-1].at if latest else LONG_AGO,
        methods=tuple(methods),
        session=request.session.get(SESSION_ID, ""),
    )


def proofs_of(request: HttpRequest, person: Person) -> Iterator[Proof]:
    """Every proof of this session."""
    claims = request.session.get(CLAIMS) or {}
    for record in get_authentication_records(request, person):
        if record["method"] == "socialaccount":
            yield _vouched_for(claims)
        elif record["method"] == "mfa":
            yield Proof(_time(record), (METHODS[record["type"]],))
        else:
            yield Proof(_time(record), ("pwd",))


def just_signed_in(request: HttpRequest) -> bool:
    """Whether this session showed any proof lately, be it only that an identity provider sent the person."""
    records = get_authentication_records(request, cast("Person", request.user))
    since = timezone.now() - timedelta(seconds=settings.REAUTHENTICATION_SECONDS)
    return any(_time(record) >= since for record in records)


def _vouched_for(claims: Mapping[str, Any]) -> Proof:
    """An identity provider's word: when, and how, only as far as it says so itself.

    Being sent here proves nothing about now: the provider may have remembered the person for weeks.
    """
    said = claims.get("amr") if isinstance(claims.get("amr"), list) else []
    methods = [method for method in said or [] if method in SECOND_FACTORS]
    at = claims.get("auth_time")
    known = isinstance(at, int) and not isinstance(at, bool) and at >= 0
    return Proof(_utc(float(at)) if known and at is not None else LONG_AGO, ("fed", *methods))


def _time(record: Mapping[str, Any]) -> datetime:
    return _utc(float(record["at"]))


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
