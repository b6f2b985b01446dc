"""The built-in tracker behind open_ticket. It accepts nothing without a credential for the finding."""

from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max

from agents.choices import Severity, TicketState
from agents.models import Finding, Ticket, TicketNote
from agents.models.credential import Credential
from agents.services import credentials
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict
from audits.services import ledger

SERVICE = "tickets"
LOCATION = "internal:agents.services.tickets"
ACTION = "open_ticket"
ATTEMPTS = 20


def open_or_note(
    *, actor: Actor, token: str, finding: Finding, title: str, body: str, severity: Severity
) -> dict[str, Any]:
    """Open a ticket for the finding; where one is open, add a note to it.

    Tickets are numbered from 1 without gaps.

    Raises:
        CredentialError: the token is not good for this finding, or somebody else's; refused and recorded.
        Conflict: others were first too many times in a row; try again.
    """
    credential = credentials.verify(
        holder=actor,
        token=token,
        audience=f"{settings.ISSUER}/services/{SERVICE}",
        action=ACTION,
        resource=f"finding/{finding.pk}",
    )
    for _ in range(ATTEMPTS):
        try:
            with transaction.atomic():
                ticket = _open_ticket_of(finding)
                created = ticket is None
                if ticket is None:
                    ticket = _open(actor, finding, title=title, body=body, severity=severity)
                else:
                    TicketNote.objects.create(ticket=ticket, text=f"{title}\n\n{body}", noted_by=actor.ref)
                _record(actor, credential, ticket, created=created, title=title, body=body)
        except IntegrityError:
            # Another worker took the number, or opened the finding's ticket: look again.
            continue
        return {"ticket": str(ticket), "created": created}
    raise Conflict("Too many tickets are being opened at once; try again.")


def _open_ticket_of(finding: Finding) -> Ticket | None:
    return Ticket.objects.select_for_update().filter(finding=finding, state=TicketState.OPEN).first()


def _open(actor: Actor, finding: Finding, *, title: str, body: str, severity: Severity) -> Ticket:
    last = Ticket.objects.aggregate(last=Max("number"))["last"] or 0
    return Ticket.objects.create(
        number=last + 1,
        finding=finding,
        title=title,
        body=body,
        severity=severity,
        opened_by=actor.ref,
    )


def _record(
    actor: Actor, credential: Credential, ticket: Ticket, *, created: bool, title: str, body: str
) -> None:
    ledger.record(
        stream=credential.agent.stream,
        action=Action.TICKET_OPENED if created else Action.TICKET_NOTED,
        actor=actor,
        object=f"ticket/{ticket.number}",
        evaluation=str(credential.decision_id),
        body={
            "ticket": str(ticket),
            "finding": str(ticket.finding_id),
            "title": title,
            "body": body,
            "credential": str(credential.pk),
        },
    )
