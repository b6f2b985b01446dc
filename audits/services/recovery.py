"""A backup was restored: declared by somebody, not discovered by an auditor."""

from django.db import transaction

from audits import guard
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Denied
from audits.models import Checkpoint
from audits.services import erasure, sealing
from audits.services.ledger import record


def declare(*, actor: Actor, reason: str) -> None:
    """Go on from a database that is not the one this machine remembers, and say so in the ledger.

    What the backup lacks is lost; whoever kept a later checkpoint will see that.

    Raises:
        Denied: only the machine's own command line may.
        Conflict: the database is what the machine remembers.
    """
    if actor.kind != "system":
        raise Denied("A restored backup is declared on the machine: `manage.py ledger declare`.")
    remembered = guard.remembered()
    last = Checkpoint.objects.order_by("-size").first()
    size = last.size if last else 0
    if remembered is None or (
        remembered.size <= size and sealing.stored_tree(remembered.size).root() == remembered.root
    ):
        raise Conflict("The database is the one that this machine remembers: there is nothing to declare.")
    with transaction.atomic():
        record(
            stream="system",
            action=Action.LEDGER_DECLARED,
            actor=actor,
            object=f"checkpoint/{size}",
            body={
                "reason": reason,
                "remembered_size": remembered.size,
                "remembered_root": remembered.root.hex(),
                "size": size,
            },
        )
        erasure.carry_over(actor=actor)
        # Before the commit: sealing right after it must not meet the old memory.
        guard.forget()
    sealing.seal()
