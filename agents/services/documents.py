"""Attaching documents to an agent: what its evidence needs and the portal does not record itself (S1-20)."""

import hashlib
from pathlib import PurePath

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from agents import permissions
from agents.choices import DocumentKind
from agents.models import Agent, AgentDocument, Person
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import ledger
from audits.services.attempts import attempt, refuse


def attach(
    *, actor: Person, agent: Agent, kind: DocumentKind, title: str, file_name: str, content: bytes
) -> AgentDocument:
    """Keep a file with the agent; the event holds its SHA-256, so that it cannot be swapped.

    Raises:
        Invalid: it is empty or too large, or its title or name are missing or too long.
        Denied: the actor does not answer for the agent; the attempt is recorded.
        Conflict: the agent has these very bytes as this kind already.
    """
    limit = settings.DOCUMENT_MAX_BYTES
    if not content or len(content) > limit:
        problem = f"is {len(content):,} bytes; a document has at least one and at most {limit:,}"
        raise Invalid(
            f"The file {problem}. Keep a larger one elsewhere and attach a text with its digest.",
            fields={"file": problem},
        )
    document = AgentDocument(
        agent=agent,
        kind=kind,
        title=title.strip(),
        file_name=PurePath(file_name.replace("\\", "/")).name,
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        added_by=actor.actor.ref,
    )
    try:
        document.clean_fields(exclude=["content"])
    except ValidationError as error:
        problems = {name: " ".join(messages) for name, messages in error.message_dict.items()}
        raise Invalid(
            " ".join(f"{name}: {text}" for name, text in problems.items()), fields=problems
        ) from error
    try:
        with attempt(
            action=Action.DOCUMENT_ATTACHED,
            actor=actor.actor,
            stream=agent.stream,
            object=f"agent/{agent.pk}",
        ):
            refuse(permissions.why_not_change(actor, agent))
            document.save(force_insert=True)
            ledger.record(
                stream=agent.stream,
                action=Action.DOCUMENT_ATTACHED,
                actor=actor.actor,
                object=f"document/{document.pk}",
                body={
                    "kind": document.kind,
                    "title": document.title,
                    "file_name": document.file_name,
                    "sha256": document.sha256,
                    "size": document.size,
                },
            )
    except IntegrityError as error:
        raise Conflict(
            f"{agent} has this file as a {DocumentKind(kind).label.lower()} already.",
            fields={"file": "is attached already"},
        ) from error
    return document
