"""The life of a machine's credential: added, rotated, revoked and recognised, whatever the machine is."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from django.db import IntegrityError, transaction
from django.utils import timezone

from agents import bearer
from agents.models.machine import Machine
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action, Outcome
from audits.errors import Conflict, Invalid
from audits.models.base import new_id
from audits.prepared import by_id
from audits.services import history, ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from audits.turn import transaction_in_turn

M = TypeVar("M", bound=Machine)
MAX_NAME = 64
SEEN_AGAIN = timedelta(minutes=1)
_name = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*").fullmatch


def _nothing_else(_machine: Machine) -> Mapping[str, JSON]:
    return {}


@dataclass(frozen=True, slots=True)
class Machines(Generic[M]):
    """All machines of one kind.

    `kind` is what the ledger calls one, `noun` what people do, with its article; `prefix` begins its
    credentials. `against` says why an actor may not manage them, and `told` what events say beside the name.
    """

    model: type[M]
    kind: str
    noun: str
    prefix: str
    against: Callable[[Actor], str | None]
    told: Callable[[M], Mapping[str, JSON]] = _nothing_else

    def add(
        self, *, actor: Actor, name: str, complete: Callable[[M], object] = _nothing_else
    ) -> tuple[M, str]:
        """A new machine, with its credential, which is shown this once; `complete` adds what it needs more.

        Raises:
            Denied: the actor is neither an administrator nor a part of the product; recorded.
            Invalid: the name is not of small letters, digits and single hyphens.
            Conflict: the name is taken.
        """
        machine = self.model(id=new_id(), name=name, created_at=timezone.now(), created_by=actor.ref)
        made = bearer.make(self.prefix, machine.pk)
        machine.credential_sha256 = bearer.digest(made.secret)
        with self.attempted("added", actor, machine):
            if not _name(name) or len(name) > MAX_NAME:
                raise Invalid(
                    f"This is no name for {self.noun}.",
                    fields={"name": f"Use small letters, digits and hyphens, at most {MAX_NAME}."},
                )
            try:
                with transaction.atomic():
                    machine.save(force_insert=True)
                    complete(machine)
            except IntegrityError as error:
                raise Conflict(f"There is {self.noun} {name} already. Rotate its credential.") from error
            self.record("added", actor, machine)
        return machine, str(made)

    def rotate(self, *, actor: Actor, machine: M) -> str:
        """Another credential; the one before counts no more. It is shown this once.

        Raises:
            Denied: the actor is neither an administrator nor a part of the product; recorded.
            Conflict: the machine is revoked.
        """
        made = bearer.make(self.prefix, machine.pk)
        with self.attempted("rotated", actor, machine):
            held = self.held(machine)
            held.credential_sha256 = bearer.digest(made.secret)
            held.rotated_at, held.rotated_by = timezone.now(), actor.ref
            held.save(update_fields=["credential_sha256", "rotated_at", "rotated_by"])
            self.record("rotated", actor, held)
        return str(made)

    def revoke(self, *, actor: Actor, machine: M) -> M:
        """End it: from now on each of its requests is refused. It does not come back; add another one.

        Raises:
            Denied: the actor is neither an administrator nor a part of the product; recorded.
            Conflict: it is revoked already.
        """
        with self.attempted("revoked", actor, machine):
            held = self.held(machine)
            held.revoked_at, held.revoked_by = timezone.now(), actor.ref
            held.save(update_fields=["revoked_at", "revoked_by"])
            self.record("revoked", actor, held)
        return held

    def authenticate(self, *, actor: Actor, credential: str) -> M | None:
        """The machine whose live credential this is; None, and recorded, where there is none.

        `actor` is the part of the product that was asked.
        """
        given = bearer.read(self.prefix, credential)
        machine = by_id(self.model, given.row) if given else None
        right = bearer.matches(given.secret if given else "", machine.credential_sha256 if machine else "")
        if machine is None or not right:
            self.refused(actor, machine, "wrong_credential" if machine else "unknown_credential")
            return None
        if machine.revoked_at is not None:
            self.refused(actor, machine, "revoked")
            return None
        self._see(machine)
        return machine

    @contextmanager
    def attempted(self, verb: str, actor: Actor, machine: M) -> Iterator[None]:
        """One attempt to manage it, by somebody who may."""
        action = self._action(verb)
        with attempt(action=action, actor=actor, stream=SYSTEM_STREAM, object=self._object(machine)):
            refuse(self.against(actor))
            yield

    def held(self, machine: M) -> M:
        """As it is now, held until the transaction ends.

        Raises:
            Conflict: it is revoked.
        """
        held: M = self.model._default_manager.select_for_update(no_key=True).get(pk=machine.pk)  # noqa: SLF001
        if held.revoked_at is not None:
            raise Conflict(f"{held.name} is revoked. Add another {self.noun.partition(' ')[2]}.")
        return held

    def record(self, verb: str, actor: Actor, machine: M, **more: JSON) -> None:
        history.record(
            changed=[machine],
            stream=SYSTEM_STREAM,
            action=self._action(verb),
            actor=actor,
            object=self._object(machine),
            body={"name": machine.name, **self.told(machine), **more},
        )

    def refused(self, actor: Actor, machine: M | None, reason: str) -> None:
        """Record that a request was refused, and why."""
        with transaction_in_turn():
            ledger.record(
                stream=SYSTEM_STREAM,
                action=self._action("refused"),
                actor=actor,
                object=self._object(machine),
                outcome=Outcome.DENIED,
                body={"reason": reason},
            )

    def _see(self, machine: M) -> None:
        """A sign of life, written at most once a minute."""
        now = timezone.now()
        if machine.last_seen_at is None or now - machine.last_seen_at >= SEEN_AGAIN:
            self.model._default_manager.filter(pk=machine.pk).update(last_seen_at=now)  # noqa: SLF001

    def _action(self, verb: str) -> Action:
        return Action(f"{self.kind}.{verb}")

    def _object(self, machine: M | None) -> str:
        return f"{self.kind}/{machine.pk if machine else 'unknown'}"
