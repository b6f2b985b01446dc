"""A person as a SCIM User (RFC 7643, section 4.1), and what a directory says of one.

Kept are the user name, given and family name, one e-mail address, the external id and whether the account is
active. Everything else that a directory sends is ignored, as RFC 7644 (section 3.3) has it.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q

from agents.models import Person
from agents.scim import filters
from agents.scim.errors import ScimError
from agents.scim.filters import Both, Compare, Either, Filter, Has, Not
from agents.scim.patch import Document
from agents.services.provisioning import Account
from audits.formats import timestamp

SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
WORK = "work"
ALWAYS = frozenset({"schemas", "id"})
_TRUTH = {"true": True, "false": False}
_TEXTS = {
    "username": "username",
    "externalid": "external_id",
    "emails": "email",
    "emails.value": "email",
    "name.givenname": "first_name",
    "name.familyname": "last_name",
}
_LOOKUPS = {
    "eq": "iexact", "co": "icontains", "sw": "istartswith", "ew": "iendswith", "gt": "gt", "ge": "gte",
    "lt": "lt", "le": "lte",
}  # fmt: skip
_NOBODY = Q(pk__in=())


def resource(person: Person, location: str) -> Document:
    """The User as it is answered; what is empty is left out."""
    shown: Document = {
        "schemas": [SCHEMA],
        "id": str(person.pk),
        "externalId": person.external_id,
        "userName": person.username,
        "name": {
            part: text
            for part, text in (
                ("formatted", person.get_full_name()),
                ("givenName", person.first_name),
                ("familyName", person.last_name),
            )
            if text
        },
        "displayName": str(person),
        "emails": _emails(person.email),
        "active": person.is_active,
        "meta": {
            "resourceType": "User",
            "created": timestamp(person.date_joined),
            "location": location,
        },
    }
    return {name: value for name, value in shown.items() if value not in ("", {}, [])}


def document(account: Account) -> Document:
    """What a PATCH changes; its names are in small letters."""
    return {
        "username": account.username,
        "externalid": account.external_id,
        "name": {"givenname": account.first_name, "familyname": account.last_name},
        "emails": _emails(account.email),
        "active": account.active,
    }


def read(found: Mapping[str, Any]) -> Account:
    """The account in a document whose names are in small letters.

    Raises:
        ScimError: invalidValue, with the attribute that does not hold.
    """
    name = found.get("name") or {}
    if not isinstance(name, dict):
        raise _wrong("name is an object.")
    given, family = _text(name, "givenname", "name.givenName"), _text(name, "familyname", "name.familyName")
    if not (given or family):
        family = _text(name, "formatted", "name.formatted") or _text(found, "displayname", "displayName")
    username = _text(found, "username", "userName")
    if not username:
        raise _wrong("userName is missing.")
    return Account(
        username=username,
        first_name=given,
        last_name=family,
        email=_email(found.get("emails")),
        external_id=_text(found, "externalid", "externalId"),
        active=_active(found.get("active", True)),
    )


def condition(asked: Filter) -> Q:
    """The people whom a filter means.

    Raises:
        ScimError: invalidFilter, for an attribute that is not searched or a value of another type.
    """
    match asked:
        case Both(left, right):
            return condition(left) & condition(right)
        case Either(left, right):
            return condition(left) | condition(right)
        case Not(inner):
            return ~condition(inner)
        case Has(path):
            return _has(path)
        case Compare(path, operator, value):
            return _compare(path, operator, value)


def select(shown: Document, *, only: Iterable[str], without: Iterable[str]) -> Document:
    """The attributes that were asked for (`attributes`), or all but some (`excludedAttributes`)."""
    wanted, unwanted = set(map(filters.plain, only)), set(map(filters.plain, without))
    kept: Document = {}
    for name, value in shown.items():
        parts = value if isinstance(value, dict) else {"": value}
        left = {
            part: item
            for part, item in parts.items()
            if name in ALWAYS or _is_asked({name.lower(), f"{name}.{part}".lower()}, wanted, unwanted)
        }
        if left:
            kept[name] = left if isinstance(value, dict) else value
    return kept


def _is_asked(names: set[str], wanted: set[str], unwanted: set[str]) -> bool:
    return bool(names & wanted) if wanted else not names & unwanted


def _has(path: str) -> Q:
    if path in ("id", "active"):
        return ~_NOBODY
    if path in ("emails.type", "emails.primary"):
        path = "emails"
    return ~Q(**{_field(path): ""})


def _compare(path: str, operator: str, value: filters.Value) -> Q:
    if value is None and operator in ("eq", "ne"):
        return ~_has(path) if operator == "eq" else _has(path)
    if path == "id":
        return _by_id(operator, value)
    if path == "active":
        return _by_truth(operator, value)
    if path in ("emails.type", "emails.primary"):
        fits = filters.holds(Compare(path, operator, value), {"emails.type": WORK, "emails.primary": True})
        return ~Q(email="") if fits else _NOBODY
    field = _field(path)
    if not isinstance(value, str):
        raise _unsearchable(f"{path} is compared with text.")
    if operator == "ne":
        return ~_compare(path, "eq", value)
    lookup = "exact" if (path, operator) == ("externalid", "eq") else _LOOKUPS[operator]
    return Q(**{f"{field}__{lookup}": value})


def _by_id(operator: str, value: filters.Value) -> Q:
    if operator not in ("eq", "ne"):
        raise _unsearchable("id is compared by eq and ne.")
    try:
        found = Q(pk=UUID(str(value)))
    except ValueError:
        found = _NOBODY
    return found if operator == "eq" else ~found


def _by_truth(operator: str, value: filters.Value) -> Q:
    truth = _TRUTH.get(value.lower()) if isinstance(value, str) else value
    if operator not in ("eq", "ne") or not isinstance(truth, bool):
        raise _unsearchable("active is compared by eq and ne with true and false.")
    return Q(is_active=truth if operator == "eq" else not truth)


def _field(path: str) -> str:
    if path not in _TEXTS:
        raise _unsearchable(f"{path[:80]} is not searched here.")
    return _TEXTS[path]


def _emails(address: str) -> list[Document]:
    return [{"value": address, "type": WORK, "primary": True}] if address else []


def _email(found: Any) -> str:
    """The one address that is kept: the primary one, else the one at work, else the first."""
    addresses = [found] if isinstance(found, dict) else found or []
    if not isinstance(addresses, list) or not all(isinstance(each, dict) for each in addresses):
        raise _wrong("emails is a list of objects.")
    given = [each for each in addresses if _text(each, "value", "emails.value")]
    given.sort(key=lambda each: (_flag(each.get("primary")) is not True, each.get("type") != WORK))
    return _text(given[0], "value", "emails.value") if given else ""


def _active(found: Any) -> bool:
    flag = _flag(found)
    if flag is None:
        raise _wrong("active is true or false.")
    return flag


def _flag(found: Any) -> bool | None:
    """A boolean, also where it comes as text: Entra ID sends ``"False"``."""
    if isinstance(found, str):
        return _TRUTH.get(found.strip().lower())
    return found if isinstance(found, bool) else None


def _text(found: Mapping[str, Any], name: str, shown: str) -> str:
    text = found.get(name)
    if text is None:
        return ""
    if not isinstance(text, str):
        raise _wrong(f"{shown} is text.")
    return text.strip()


def _wrong(detail: str) -> ScimError:
    return ScimError(detail, scim_type="invalidValue")


def _unsearchable(detail: str) -> ScimError:
    return ScimError(detail, scim_type="invalidFilter")
