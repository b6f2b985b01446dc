"""One answer for one `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): no events, only books."""

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q

from audits.errors import Conflict, Invalid
from audits.models import ApiAnswer

KEPT = timedelta(hours=24)
GIVEN_UP = timedelta(minutes=5)
"""After so long without an answer whoever was at it is taken for dead."""


def claim(*, caller: str, key: str, fingerprint: str) -> ApiAnswer:
    """The answer that was given under this key; or a place for one (`status` 0), which is now the caller's.

    Raises:
        Invalid: the key was used for another request.
        Conflict: the same request is being answered at this moment.
    """
    now = datetime.now(UTC)
    with transaction.atomic():
        ApiAnswer.objects.filter(_over(now), caller=caller, key=key).delete()
        answer, is_new = ApiAnswer.objects.get_or_create(
            caller=caller, key=key, defaults={"fingerprint": fingerprint, "asked_at": now}
        )
    if answer.fingerprint != fingerprint:
        raise Invalid("This Idempotency-Key was used for another request. Take a new one.")
    if not is_new and not answer.status:
        raise Conflict("The same request is being answered at this moment. Ask again.")
    return answer


def keep(*, answer: ApiAnswer, status: int, location: str, body: str) -> None:
    """What was answered, to be answered again."""
    ApiAnswer.objects.filter(pk=answer.pk).update(status=status, location=location, body=body)


def release(*, answer: ApiAnswer) -> None:
    """It was refused or failed: the same key may ask again."""
    ApiAnswer.objects.filter(pk=answer.pk, status=0).delete()


def forget() -> int:
    """Every answer, because somebody whom they may name is erased."""
    return ApiAnswer.objects.all().delete()[0]


def sweep() -> int:
    """Answers that are owed no more."""
    return ApiAnswer.objects.filter(_over(datetime.now(UTC))).delete()[0]


def _over(now: datetime) -> Q:
    return Q(asked_at__lte=now - KEPT) | Q(status=0, asked_at__lte=now - GIVEN_UP)
