"""One attempt: everything or nothing, and a refusal leaves its trace as well."""

from collections.abc import Iterator
from contextlib import contextmanager

from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.errors import Conflict, Denied
from audits.services import ledger
from audits.turn import transaction_in_turn

SYSTEM_STREAM = "system"


@contextmanager
def attempt(*, action: Action, actor: Actor, stream: str, object: str) -> Iterator[None]:  # noqa: A002
    """Run the body as one transaction; record a refusal in a transaction of its own, then raise it.

    What the actor may not do is recorded as denied; what came too late or too early, as failed.
    """
    try:
        with transaction_in_turn():
            yield
    except (Denied, Conflict) as refusal:
        with transaction_in_turn():
            ledger.record(
                stream=stream,
                action=action,
                actor=actor,
                object=object,
                outcome=Outcome.DENIED if isinstance(refusal, Denied) else Outcome.FAILED,
                body={"code": refusal.code, "message": refusal.message},
            )
        raise


def refuse(reason: str | None) -> None:
    """Turn a permission's reason into a refusal.

    Raises:
        Denied: there is a reason.
    """
    if reason:
        raise Denied(reason)
