"""Row locks: whatever changes what an agent may do, or who a person is, happens under them in turn.

Where both are taken, the person's comes first.
"""

from uuid import UUID

from django.db import connection

from agents.models import Agent, Dependency, Person, SecretReference, ThirdParty, Tool
from audits.errors import Conflict

_CREATION = 0x63726561  # "crea"
_NUMBERING = 0x6E756D62  # "numb"


def agent(agent_id: UUID) -> Agent:
    """The agent as it is now, held until the transaction ends.

    It is locked without its key, so that rows which merely point at it can still be written. Its owner
    and version are read when they are asked for, which is after the wait: joined to the locked row they
    could be what they were before it.
    """
    return Agent.objects.select_for_update(no_key=True).get(pk=agent_id)


def person(person_id: UUID) -> Person:
    """The person as they are now, held until the transaction ends."""
    return Person.objects.select_for_update(no_key=True).get(pk=person_id)


def active_people(*people: Person) -> None:
    """Hold these people until the transaction ends, so that nobody is deactivated meanwhile.

    Raises:
        Conflict: somebody's account is not active any more.
    """
    held = Person.objects.select_for_update(no_key=True).filter(pk__in=[one.pk for one in people])
    for person in held.order_by("pk"):
        if not person.is_active:
            raise Conflict(f"{person} has been deactivated meanwhile. Choose somebody else.")


def dependency(dependency_id: UUID) -> Dependency:
    """The dependency with both of its ends, as it is now, held until the transaction ends."""
    return (
        Dependency.objects.select_for_update(of=("self",), no_key=True)
        .select_related("agent", "to_agent", "to_tool", "to_third_party")
        .get(pk=dependency_id)
    )


def tool(tool_id: UUID) -> Tool:
    """The tool with its provider, as it is now, held until the transaction ends."""
    return (
        Tool.objects.select_for_update(of=("self",), no_key=True).select_related("provider").get(pk=tool_id)
    )


def third_party(third_party_id: UUID) -> ThirdParty:
    """The third party as it is now, held until the transaction ends."""
    return ThirdParty.objects.select_for_update(no_key=True).get(pk=third_party_id)


def secret(secret_id: UUID) -> SecretReference:
    """The secret's reference as it is now, held until the transaction ends; an agent's lock comes first."""
    held = SecretReference.objects.select_for_update(of=("self",), no_key=True).select_related("owner")
    return held.get(pk=secret_id)


def creation() -> None:
    """Who creates whom changes one after the other, whichever agents it is about.

    A statement of its own, so that under READ COMMITTED the next one sees what the last holder committed.
    On SQLite the transaction itself is the lock: it begins IMMEDIATE.
    """
    _one_after_the_other(_CREATION)


def numbering() -> None:
    """Revocations get their numbers one transaction after the other. Always the last lock taken."""
    _one_after_the_other(_NUMBERING)


def _one_after_the_other(lock: int) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
