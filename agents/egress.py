"""May this leave for that agent? (S2-9) The question alone; what is asked is recorded by who asks.

Asked before each request of the gateway, at each redirect, and by proxies over HTTP. Nothing is resolved
here: a name's addresses are checked where it is connected to (`agents.outbound`), and pinned there.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from agents import egress_rules, endpoints, permissions
from agents.addresses import is_public
from agents.choices import EgressMode, EgressReason
from agents.egress_rules import Destination, Entry, Lists, NotAUrlError, Verdict
from agents.models import Agent, EgressException, EgressPolicy
from agents.outbound_watch import Origin


@dataclass(frozen=True, slots=True)
class Checked:
    """The answer. `destination` is empty where the URL leads nowhere that can be named; `private` are the
    hosts and ports that may be at an address that is not public."""

    verdict: Verdict
    destination: Destination | None = None
    endpoint: str = ""
    private: frozenset[Origin] = frozenset()

    def refused(self, reason: EgressReason, message: str) -> "Checked":
        """The same question with this answer."""
        return replace(self, verdict=Verdict(allowed=False, reason=reason, message=message))


def check_egress(agent: Agent, url: str, *, also: Collection[str] = ()) -> Checked:
    """What counts for this agent and this URL.

    Args:
        also: names of endpoints that this request may reach besides those of the approved version.
    """
    try:
        to = egress_rules.destination(url)
    except NotAUrlError as error:
        return Checked(Verdict(allowed=False, reason=error.reason, message=error.message))
    if reason := permissions.why_not_read(agent):
        return Checked(Verdict(allowed=False, reason=EgressReason.AGENT_NOT_ACTIVE, message=reason), to)
    named = endpoints.addresses(endpoints.names_of(agent) | set(also))
    verdict = egress_rules.check(lists_of(agent, named.values()), to)
    endpoint = next((name for name, entry in named.items() if entry.covers(to)), "")
    private = exceptions_of(agent)
    if verdict.allowed and to.is_address and not is_public(to.host):
        configured = {(entry.host, entry.port) for name, entry in named.items() if endpoints.built_in(name)}
        if (to.host, to.port) not in private | configured | _of_settings():
            message = f"{to.host} is not a public address, and no exception names it."
            verdict = Verdict(allowed=False, reason=EgressReason.PRIVATE_ADDRESS, message=message)
    return Checked(verdict, to, endpoint, private)


def lists_of(agent: Agent, named: Collection[Entry] | None = None) -> Lists:
    """Its lists; what its approved version names is part of them."""
    if named is None:
        named = endpoints.addresses(endpoints.names_of(agent)).values()
    policy = EgressPolicy.objects.filter(agent=agent).first()
    if policy is None:
        return Lists(endpoints=tuple(named))
    return egress_rules.parsed_lists(EgressMode(policy.mode), policy.allow, policy.deny, named)


def exceptions_of(agent: Agent) -> frozenset[Origin]:
    """The hosts and ports that may be at an address that is not public, now."""
    mine = Q(agent=agent) | Q(agent__isnull=True)
    live = EgressException.objects.filter(mine, ends_at__gt=timezone.now())
    return frozenset(live.values_list("host", "port"))


def _of_settings() -> set[Origin]:
    found = (egress_rules.allow_entry(f"http://{each}") for each in settings.OUTBOUND_ALLOWED_PRIVATE)
    return {(entry.host, entry.port) for entry in found}
