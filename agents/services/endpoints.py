"""Endpoints: what functions reach, and the figures of their breakers (S0-5, S0-11)."""

import re
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from agents import egress_rules, permissions
from agents.defaults import ENDPOINTS
from agents.egress_rules import NotAUrlError
from agents.models import Endpoint, Person
from agents.services import fields
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse

MAX_FIGURE = 16 * 1024 * 1024
MAX_NAME, MAX_ADDRESS = 64, 500
_name = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*").fullmatch


@dataclass(frozen=True, slots=True)
class Figures:
    """When the breaker opens and for how long, and the longest answer in bytes. None: as the settings say."""

    failure_threshold: int | None = None
    open_seconds: int | None = None
    max_bytes: int | None = None


def add(*, actor: Person, name: str, url: str, figures: Figures) -> Endpoint:
    """Name an endpoint. Agents whose approved version names ``endpoint/<name>`` reach it from now on.

    Raises:
        Invalid: the name, the URL or a figure is none.
        Denied: the actor is no administrator; recorded.
        Conflict: the name is taken.
    """
    if not _name(name) or len(name) > MAX_NAME:
        raise Invalid("This is no name for an endpoint.", fields={"name": "small letters, digits, - and _"})
    values = {"url": _url(url), **_values(figures)}
    made = Endpoint(name=name, added_by=actor.actor.ref, **values)
    with attempt(action=Action.ENDPOINT_ADDED, actor=actor.actor, stream=SYSTEM_STREAM, object="endpoints"):
        refuse(permissions.why_not_set_endpoint(actor))
        try:
            with transaction.atomic():
                made.save(force_insert=True)
        except IntegrityError as error:
            raise Conflict(f"There is an endpoint {name} already.", fields={"name": "taken"}) from error
        history.record(
            changed=[made],
            stream=SYSTEM_STREAM,
            action=Action.ENDPOINT_ADDED,
            actor=actor.actor,
            object=f"endpoint/{made.pk}",
            body={"name": name, **fields.told(values)},
        )
    return made


def change(*, actor: Person, endpoint: Endpoint, url: str, figures: Figures) -> Endpoint:
    """Say anew where it is, and its figures. Where a built-in one is, the settings say.

    Raises:
        Invalid: the URL or a figure is none.
        Denied: the actor is no administrator; recorded.
        Conflict: nothing differs.
    """
    if endpoint.name in ENDPOINTS and url.strip():
        problem = "the settings say where a built-in endpoint is"
        raise Invalid(f"url: {problem}.", fields={"url": problem})
    values = {"url": "" if endpoint.name in ENDPOINTS else _url(url), **_values(figures)}
    with attempt(
        action=Action.ENDPOINT_CHANGED,
        actor=actor.actor,
        stream=SYSTEM_STREAM,
        object=f"endpoint/{endpoint.pk}",
    ):
        refuse(permissions.why_not_set_endpoint(actor))
        held = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
        changed = fields.changes(held, values)
        held.save(update_fields=list(changed))
        history.record(
            changed=[held],
            stream=SYSTEM_STREAM,
            action=Action.ENDPOINT_CHANGED,
            actor=actor.actor,
            object=f"endpoint/{held.pk}",
            body={"name": held.name, "changed": changed},
        )
    return held


def _url(url: str) -> str:
    try:
        egress_rules.endpoint_entry(url.strip())
    except NotAUrlError as error:
        raise Invalid(f"url: {error.message}", fields={"url": error.message}) from error
    if len(url) > MAX_ADDRESS:
        raise Invalid("url: it is too long.", fields={"url": "it is too long"})
    return url.strip()


def _values(figures: Figures) -> dict[str, Any]:
    values = {name: getattr(figures, name) for name in Figures.__dataclass_fields__}
    wrong = {
        name: f"from 1 to {MAX_FIGURE:,}"
        for name, value in values.items()
        if value is not None and not 0 < value <= MAX_FIGURE
    }
    if wrong:
        raise Invalid(" ".join(f"{name}: {text}." for name, text in wrong.items()), fields=wrong)
    return values
