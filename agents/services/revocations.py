"""Epochs: what has ended, in one order, and whether what was minted before is still good (promise 7).

Whatever ends anything calls `revoke` in its own transaction, next to its event. What is minted carries the
newest number there was; it is refused as soon as anything that it rests on, at whichever level, was revoked
after that. There is one order for all levels, so the cut-off is the highest number of all of them.

Numbers are given to what is committed, under one lock that is always the last one taken: a row in flight
has none, so no reader can be past it, and nobody who holds a lock waits for somebody who waits for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max, Q

from agents.choices import RevocationLevel, RevocationReason
from agents.models import Agent, AgentInstance, Credential, Revocation
from agents.services import locks
from audits.prepared import Prepared
from audits.turn import transaction_in_turn

ALL = "*"
WAITING = Revocation.objects.filter(number__isnull=True)
NEWEST = Prepared(
    lambda: Revocation.objects.order_by(F("number").desc(nulls_first=True)).values_list("number")[:1]
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token rests on, level by level, in the words of `Revocation.subject`."""

    agent: str
    owner: str
    instance: str = ""
    elevation: str = ""
    delegation: str = ""
    keys: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        agent: Agent,
        instance: AgentInstance | None = None,
        *,
        elevation: UUID | None = None,
        delegation: UUID | None = None,
        keys: Iterable[str] = (),
    ) -> "Scope":
        """Of what is about to be given to an agent, or to one copy of it."""
        return cls(
            agent=agent.slug,
            owner=str(agent.owner_id),
            instance=instance.spiffe_id if instance else "",
            elevation=str(elevation or ""),
            delegation=str(delegation or ""),
            keys=tuple(filter(None, keys)),
        )

    @classmethod
    def of_credential(cls, credential: Credential, agent: Agent) -> "Scope":
        """With `agent` as it is now: who owns it may have changed since."""
        return cls.of(
            agent,
            credential.instance,
            elevation=credential.elevation_id,
            delegation=credential.delegation_id,
            keys=(credential.thumbprint, credential.certificate, credential.client_key),
        )

    @property
    def subjects(self) -> tuple[tuple[RevocationLevel, str], ...]:
        one_each = (
            (RevocationLevel.EVERYTHING, ALL),
            (RevocationLevel.OWNER, self.owner),
            (RevocationLevel.AGENT, self.agent),
            (RevocationLevel.INSTANCE, self.instance),
            (RevocationLevel.ELEVATION, self.elevation),
            (RevocationLevel.DELEGATION, self.delegation),
        )
        keys = ((RevocationLevel.KEY, key) for key in self.keys)
        return (*((level, subject) for level, subject in one_each if subject), *keys)


def revoke(*, level: RevocationLevel, subject: str, reason: RevocationReason) -> Revocation:
    """What was minted for `subject` is refused from now on. Belongs into the transaction of its event.

    Raises:
        RuntimeError: outside a transaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("revoke() belongs inside the transaction of what it is for.")
    row = Revocation.objects.create(level=level, subject=subject, reason=reason)
    transaction.on_commit(number, robust=True)
    return row


def revoke_agent(*, agent: Agent, reason: RevocationReason) -> Revocation:
    return revoke(level=RevocationLevel.AGENT, subject=agent.slug, reason=reason)


def revoke_instance(*, instance: AgentInstance, reason: RevocationReason) -> Revocation:
    return revoke(level=RevocationLevel.INSTANCE, subject=instance.spiffe_id, reason=reason)


def current() -> int:
    """The newest number: the epoch that is minted into a token now, or 0 where nothing ever ended."""
    newest = [found for (found,) in NEWEST.rows()]
    if newest == [None]:
        number()
        # What was committed since then has no number yet, and is newer than any token without one.
        newest = [Revocation.objects.aggregate(newest=Max("number"))["newest"]]
    return newest[0] or 0 if newest else 0


def cut_off(scope: Scope) -> int:
    """Below which epoch everything of this scope is refused; 0 where nothing of it ever ended."""
    number()
    return Revocation.objects.filter(_of(scope)).aggregate(newest=Max("number"))["newest"] or 0


def is_good(*, epoch: object, scope: Scope) -> bool:
    """Whether what was minted at `epoch` for this scope has not ended since, at any level.

    A revocation that has no number yet is newer than every token; an epoch that never was is refused.
    """
    if not isinstance(epoch, int) or isinstance(epoch, bool) or not 0 <= epoch < 2**63:
        return False
    newer = _of(scope) & (Q(number__gt=epoch) | Q(number__isnull=True))
    found = list(Revocation.objects.filter(newer | Q(number=epoch)).values_list("number", flat=True)[:2])
    return found == ([epoch] if epoch else [])


def since(last: int, *, limit: int) -> list[Revocation]:
    """What was revoked after `last`, in order. Who asks again from the last one seen misses nothing."""
    number()
    return list(Revocation.objects.filter(number__gt=last).order_by("number")[:limit])


def number() -> None:
    """Number what is committed and has none yet, in the order in which it was written.

    Runs after every commit that revokes something, and before every reading, should that have failed.
    """
    if not WAITING.exists():
        return
    with transaction_in_turn():
        locks.numbering()
        last = Revocation.objects.aggregate(last=Max("number"))["last"] or 0
        for place, key in enumerate(WAITING.order_by("id").values_list("pk", flat=True), start=last + 1):
            Revocation.objects.filter(pk=key).update(number=place)


def _of(scope: Scope) -> Q:
    wanted = Q()
    for level, subject in scope.subjects:
        wanted |= Q(level=level, subject=subject)
    return wanted
