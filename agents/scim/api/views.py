"""The endpoints of SCIM: Users, and what the portal says about itself. There are no others."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest

from agents import selectors
from agents.models import Person
from agents.scim import discovery, filters, patch, users
from agents.scim.api import http
from agents.scim.api.http import Answer, Handler
from agents.scim.errors import ScimError
from agents.scim.patch import Document
from agents.services import provisioning
from agents.services.provisioning import Account
from audits.actor import Actor

PREFIX = "/scim/v2"
DEFAULT_COUNT = 100
MAX_START = 2**31
_whole = re.compile(r"-?[0-9]{1,20}").fullmatch


def find(path: str) -> Mapping[str, Handler] | None:
    """What answers at a path below `PREFIX`, by method; None where there is nothing."""
    match path.strip("/").split("/"):
        case ["Users"]:
            return {"GET": _list, "POST": _create}
        case ["Users", name]:
            return _of_one(name)
        case ["Me"]:
            return dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), _me)
        case ["ServiceProviderConfig"]:
            return {"GET": lambda _request, _actor: Answer(200, discovery.config(_base()))}
        case ["ResourceTypes" | "Schemas" as kind, *names]:
            described = discovery.resource_type if kind == "ResourceTypes" else discovery.schema
            return _described(described(_base()), names)
    return None


def _of_one(name: str) -> Mapping[str, Handler] | None:
    try:
        person_id = UUID(name)
    except ValueError:
        return None
    if str(person_id) != name.lower():
        return None
    return {
        "GET": partial(_get, person_id),
        "PUT": partial(_replace, person_id),
        "PATCH": partial(_patch, person_id),
        "DELETE": partial(_delete, person_id),
    }


def _described(one: Document, names: list[str]) -> Mapping[str, Handler] | None:
    """The list of the one thing there is, or that thing by its id."""
    if not names:
        return {"GET": lambda _request, _actor: Answer(200, discovery.listed([one], total=1))}
    return {"GET": lambda _request, _actor: Answer(200, one)} if names == [one["id"]] else None


def _me(_request: HttpRequest, _actor: Actor) -> Answer:
    raise ScimError("A provisioning client is nobody here.", status=501)


def _list(request: HttpRequest, _actor: Actor) -> Answer:
    people = selectors.provisioned_people()
    if asked := request.GET.get("filter", "").strip():
        people = people.filter(users.condition(filters.parse(asked)))
    start = max(_number(request, "startIndex", 1), 1)
    count = min(max(_number(request, "count", DEFAULT_COUNT), 0), discovery.MAX_RESULTS)
    shown = [_selected(request, person) for person in people[start - 1 : start - 1 + count]]
    return Answer(200, discovery.listed(shown, total=people.count(), start=start))


def _create(request: HttpRequest, actor: Actor) -> Answer:
    account = users.read(patch.lowered(http.document(request)))
    person = provisioning.create(actor=actor, account=account)
    return Answer(201, _selected(request, person), location=_location(person))


def _get(person_id: UUID, request: HttpRequest, _actor: Actor) -> Answer:
    person = selectors.provisioned_people().filter(pk=person_id).first()
    if person is None:
        raise ScimError("There is no such person.", status=404)
    return Answer(200, _selected(request, person), location=_location(person))


def _replace(person_id: UUID, request: HttpRequest, actor: Actor) -> Answer:
    """PUT: what is not said is emptied, but for `active`, which nobody means to set by silence."""
    sent = patch.lowered(http.document(request))
    account = users.read(sent)

    def replaced(before: Account) -> Account:
        return account if "active" in sent else replace(account, active=before.active)

    person = provisioning.change(actor=actor, person_id=person_id, how=replaced)
    return Answer(200, _selected(request, person), location=_location(person))


def _patch(person_id: UUID, request: HttpRequest, actor: Actor) -> Answer:
    sent = http.document(request)

    def patched(before: Account) -> Account:
        return users.read(patch.apply(users.document(before), sent))

    person = provisioning.change(actor=actor, person_id=person_id, how=patched)
    return Answer(200, _selected(request, person), location=_location(person))


def _delete(person_id: UUID, _request: HttpRequest, actor: Actor) -> Answer:
    provisioning.remove(actor=actor, person_id=person_id)
    return Answer(204)


def _selected(request: HttpRequest, person: Person) -> Document:
    return users.select(
        users.resource(person, _location(person)),
        only=_names(request, "attributes"),
        without=_names(request, "excludedAttributes"),
    )


def _names(request: HttpRequest, parameter: str) -> list[str]:
    return [name.strip() for name in request.GET.get(parameter, "").split(",") if name.strip()]


def _number(request: HttpRequest, name: str, default: int) -> int:
    text = request.GET.get(name, "").strip()
    if not text:
        return default
    if not _whole(text):
        raise ScimError(f"{name} is a whole number.", scim_type="invalidValue")
    return max(min(int(text), MAX_START), -MAX_START)


def _base() -> str:
    return settings.ISSUER.rstrip("/") + PREFIX


def _location(person: Person) -> str:
    return f"{_base()}/Users/{person.pk}"
