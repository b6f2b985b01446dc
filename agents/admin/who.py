"""Who it was, as rows keep it: a reference as in the ledger, shown with today's name."""

from uuid import UUID

from agents.models import Person


def show_who(reference: str) -> str:
    """The person behind ``person/<uuid>``; agents and the system by their own names."""
    kind, _, name = reference.partition("/")
    if kind != "person":
        return reference
    try:
        person = Person.objects.filter(pk=UUID(name)).first()
    except ValueError:
        return reference
    return str(person) if person else reference
