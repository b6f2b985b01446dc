"""Where the endpoints are that a version names: ``endpoint/<name>`` in the resources of its functions."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from agents.choices import BreakerState
from agents.egress_rules import Entry, NotAUrlError, endpoint_entry
from agents.models import Agent, Endpoint

MODEL = "model"
_PREFIX = "endpoint/"


def names_of(agent: Agent) -> set[str]:
    """The endpoints that the approved version names, and the one that is being released beside it."""
    versions = [version for version in (agent.active_version, agent.candidate) if version]
    return {
        str(function.get("resource", "")).removeprefix(_PREFIX)
        for version in versions
        for function in version.tool_manifest
        if str(function.get("resource", "")).startswith(_PREFIX)
    }


def addresses(names: Iterable[str]) -> dict[str, Entry]:
    """What each of these endpoints allows, by name; those without an address of their own allow nothing."""
    found = {}
    for endpoint in Endpoint.objects.filter(name__in=set(names)):
        try:
            if url := address_of(endpoint):
                found[endpoint.name] = endpoint_entry(url)
        except NotAUrlError:
            continue  # an operator's setting that no list can name allows nothing
    return found


def named(name: str) -> Endpoint:
    """The endpoint of this name; one with the settings' figures where nobody has named it."""
    return Endpoint.objects.filter(name=name).first() or Endpoint(name=name)


def why_not_reached(name: str) -> str:
    """Against sending anything to the endpoint now, without being the call that tries; empty: nothing."""
    endpoint = named(name)
    over = timezone.now() - timedelta(seconds=endpoint.seconds)
    if endpoint.state == BreakerState.CLOSED:
        return ""
    if not endpoint.tripped and endpoint.state_since is not None and endpoint.state_since < over:
        return ""
    return f"The circuit breaker of {endpoint} is open."


def address_of(endpoint: Endpoint) -> str:
    """Its URL: as the row says, else as the settings do; empty where it is inside."""
    return endpoint.url or built_in(endpoint.name)


def built_in(name: str) -> str:
    """Where an operator's settings say that it is."""
    return {"nvd": str(settings.NVD_URL), MODEL: str(settings.OPENAI_BASE_URL or "")}.get(name, "")
