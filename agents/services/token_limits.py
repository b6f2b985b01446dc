"""Not too many tokens a minute, and not too many at once; both exactly, however many ask (S0-11)."""

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from agents import rate
from agents.errors import CredentialError
from agents.models import AgentInstance, Credential
from agents.oauth.errors import OAuthError
from agents.services import locks
from audits.turn import transaction_in_turn


def require_room(instance: AgentInstance) -> None:
    """
    Raises:
        OAuthError: it has had too many in this minute, or too many of its tokens are live.
    """
    try:
        allowed = rate.allow(
            f"tokens/{instance.pk}", times=settings.TOKENS_PER_MINUTE, window=timedelta(minutes=1)
        )
    except rate.RateError as error:
        raise OAuthError("temporarily_unavailable", f"{error} Ask again later.", status=503) from error
    if not allowed:
        raise OAuthError(
            "slow_down",
            f"At most {settings.TOKENS_PER_MINUTE} tokens a minute. Wait, and ask again.",
            status=429,
        )
    _require_few(instance)


def one_more(instance: AgentInstance, mint: Callable[[], tuple[str, Credential]]) -> tuple[str, Credential]:
    """Counted anew under the agent's lock: of any number at once no more are minted than have room.

    A refusal to mint is recorded, so it is raised when that is committed.
    """
    with transaction_in_turn():
        locks.agent(instance.agent_id)
        _require_few(instance)
        try:
            return mint()
        except CredentialError as error:
            refusal = error
    raise refusal


def _require_few(instance: AgentInstance) -> None:
    live = Credential.objects.filter(
        instance=instance, expires_at__gt=timezone.now(), used_at__isnull=True, revoked_at__isnull=True
    ).count()
    if live >= settings.LIVE_TOKENS:
        message = (
            f"{live} tokens of this copy are live; at most {settings.LIVE_TOKENS} are. Use or revoke some."
        )
        raise OAuthError("slow_down", message, status=429)
