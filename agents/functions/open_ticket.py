"""open_ticket: a ticket in the built-in tracker for the finding at hand (S0-14). A write."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from agents.choices import Access
from agents.functions.function import (
    PLAIN_TEXT,
    Arguments,
    Context,
    Function,
    Line,
    Result,
    Service,
    SeverityName,
)
from agents.services import tickets


class OpenTicketArguments(Arguments):
    title: Annotated[Line, Field(description="One line.")]
    body: Annotated[
        str,
        StringConstraints(min_length=1, max_length=8000, pattern=PLAIN_TEXT),
        Field(description="What is wrong and what to do."),
    ]
    severity: SeverityName


class TicketReference(Result):
    ticket: Annotated[str, Field(pattern=r"^SEC-[1-9][0-9]*$")]
    created: bool


def execute(arguments: OpenTicketArguments, context: Context) -> Mapping[str, Any]:
    return tickets.open_or_note(
        actor=context.instance.actor,
        token=context.token,
        finding=context.finding,
        title=arguments.title,
        body=arguments.body,
        severity=arguments.severity,
    )


FUNCTION = Function(
    name="open_ticket",
    description=(
        "Open a ticket for the finding you are working on; where one is open already, add a note to it. "
        "A write: without a write elevation it is refused and proposed to the owner instead."
    ),
    access=Access.WRITE,
    resource="finding/{finding_id}",
    service=Service(name=tickets.SERVICE, public=False, locate=lambda _: tickets.LOCATION),
    arguments=OpenTicketArguments,
    result=TicketReference,
    execute=execute,
)
