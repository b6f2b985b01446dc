"""The deployment checklist of a version as pages show it: ten gates, what they miss, what met them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.models import Agent, AgentVersion
from audits.admin import references
from audits.admin.show import show_digest, show_label
from governance import gate_facts, gates, permissions, selectors
from governance.admin.who import person_of
from governance.choices import LABELS, Gate, GateState, Place
from governance.gates import record, signing
from governance.gates.facts import Facts
from governance.models import GateSignature

KIND = "gate_signature"
# Evidence that not every reader of a checklist may open.
WITHHELD = {"bundle": "audits.view_bundle"}
# The address where a lack of a gate is mended; empty where this reader mends nothing.
AddressOf = Callable[[Mapping[str, Any], Gate], str]
ICONS = {
    GateState.MET: "check_circle",
    GateState.MISSING: "cancel",
    GateState.NEEDS_SIGNATURE: "ink_pen",
    GateState.STALE: "hourglass_bottom",
    GateState.AFTER_APPROVAL: "schedule",
}


@dataclass(frozen=True, slots=True)
class Mend:
    """One thing that is missing, and where it is mended, if this reader may go there."""

    sentence: str
    url: str
    place: str
    after_approval: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """One gate as the template needs it."""

    number: int
    name: str
    icon: str
    state: SafeString
    colour: str
    demanded: bool
    missing: Sequence[Mend]
    evidence: Sequence[SafeString]
    warnings: Sequence[str]


def of_version(request: HttpRequest, agent: Agent, version: AgentVersion) -> Mapping[str, Any]:
    """What ``governance/checklist.html`` shows of a version as it is now."""
    facts = gate_facts.gather(agent, version)
    results = gates.evaluate(facts)
    risk_class = selectors.risk_class_of(agent)
    demanded = risk_class.gates if risk_class else list(Gate.values)
    open_gates = [result.gate for result in results if result.gate.value in demanded and not result.ready]
    change = _change(request, agent, version)
    return {
        "version": version,
        "change": change,
        "gates": show(request, record.of(results, demanded), _Places(request, agent, version, facts)),
        "met": sum(result.met for result in results),
        "ready": not open_gates and risk_class is not None and change is None,
        "open": len(open_gates),
    }


def _change(request: HttpRequest, agent: Agent, version: AgentVersion) -> Mend | None:
    """What the version changes is no gate, and the board is not asked without it (S1-24)."""
    if not selectors.lacks_change(agent, version):
        return None
    person = person_of(request)
    may = permissions.against_governing(person, agent) is None
    if not may or not request.user.has_perm("governance.add_changerequest"):
        url = ""
    else:
        url = _page("governance_changerequest_add", f"?version={version.pk}")
    sentence = f"It is not said yet what version {version.label} changes, and how it is watched and undone."
    return Mend(sentence, url, "Describe the change", after_approval=False)


def frozen(request: HttpRequest, rows: Iterable[Mapping[str, Any]]) -> list[Shown]:
    """How the gates stood when the board was asked; nothing is mended from there."""
    return show(request, rows, lambda _lack, _gate: "")


def show(request: HttpRequest, rows: Iterable[Mapping[str, Any]], address_of: AddressOf) -> list[Shown]:
    listed = list(rows)
    signers = _signers(listed)

    def shown(item: Mapping[str, Any]) -> SafeString:
        kind = item["reference"].partition("/")[0]
        linked = kind not in WITHHELD or request.user.has_perm(WITHHELD[kind])
        return _show_evidence(item, signers, linked=linked)

    return [_shown(number, row, address_of, shown) for number, row in enumerate(listed, start=1)]


def _signers(rows: Iterable[Mapping[str, Any]]) -> Mapping[str, str]:
    """Who signed, by the reference of the signature: results themselves name nobody."""
    named = [item["reference"] for row in rows for item in row["evidence"]]
    ids = [name for kind, _, name in (one.partition("/") for one in named) if kind == KIND]
    found = GateSignature.objects.filter(pk__in=ids).select_related("person")
    return {f"{KIND}/{signature.pk}": str(signature.person) for signature in found}


def _shown(
    number: int,
    row: Mapping[str, Any],
    address_of: AddressOf,
    show_item: Callable[[Mapping[str, Any]], SafeString],
) -> Shown:
    gate, state = Gate(row["gate"]), GateState(row["state"])
    return Shown(
        number=number,
        name=gate.label,
        icon=ICONS[state],
        state=show_label(state.label, LABELS[state]),
        colour=LABELS[state],
        demanded=row["demanded"],
        missing=[
            Mend(
                sentence=lack["sentence"],
                url=address_of(lack, gate),
                place=Place(lack["place"]).label,
                after_approval=lack["after_approval"],
            )
            for lack in row["missing"]
        ],
        evidence=[show_item(item) for item in row["evidence"]],
        warnings=row["warnings"],
    )


def _show_evidence(item: Mapping[str, Any], signers: Mapping[str, str], *, linked: bool) -> SafeString:
    """What it is, leading to its page, with its digest and whose it is."""
    reference, what = item["reference"], item["what"]
    if signer := signers.get(reference):
        what = f"{what} by {signer}"
    address = references.address_of(reference) if linked else ""
    shown = (
        format_html('<a class="cs-link" href="{}" title="{}">{}</a>', address, reference, what)
        if address
        else format_html('<span title="{}">{}</span>', reference, what)
    )
    return format_html("{} {}", shown, show_digest(item["digest"])) if item["digest"] else shown


class _Places:
    """Where each place is, for this reader; empty where they may not go, or can do nothing there."""

    def __init__(self, request: HttpRequest, agent: Agent, version: AgentVersion, facts: Facts) -> None:
        self._request, self._agent, self._version, self._facts = request, agent, version, facts
        self._governs = permissions.against_governing(person_of(request), agent) is None

    def __call__(self, lack: Mapping[str, Any], gate: Gate) -> str:
        place = Place(lack["place"])
        if lack["after_approval"] and self._facts.approved_at is None:
            return ""
        if place is Place.SIGNATURE:
            return self._signature(gate)
        permission, address, for_owners = self._addresses()[place]
        if (for_owners and not self._governs) or not self._request.user.has_perm(permission):
            return ""
        return address

    def _addresses(self) -> Mapping[Place, tuple[str, str, bool]]:
        """The permission that leads there, the address, and whether it is for those who govern the agent."""
        agent, entry = self._agent.pk, [self._agent.pk]
        of_agent = f"?agent={agent}"
        page, assess = reverse("admin:agents_agent_change", args=entry), "governance_riskassessment_add"
        rules, grants = "audits_retentionrule_changelist", "governance_grant_changelist"
        record, attach = "agents_versiontest_add", "agents_agentdocument_add"
        return {
            Place.ENTRY: ("agents.view_agent", reverse("admin:agents_agent_edit", args=entry), True),
            Place.VERSION: ("agents.add_agentversion", _page("agents_agentversion_add", of_agent), True),
            Place.QUESTIONNAIRE: ("governance.add_riskassessment", _page(assess, of_agent), True),
            Place.ASSESSMENTS: ("governance.view_impactassessment", f"{page}#assessed", False),
            Place.GRANTS: ("governance.view_grant", _page(grants, f"?agent__id__exact={agent}"), False),
            Place.TESTS: ("agents.add_versiontest", _page(record, f"?version={self._version.pk}"), True),
            Place.DOCUMENTS: ("agents.add_agentdocument", _page(attach, of_agent), True),
            Place.RETENTION: ("audits.view_retentionrule", _page(rules), False),
            Place.BUNDLES: ("audits.add_bundle", _page("audits_bundle_add", of_agent), False),
        }

    def _signature(self, gate: Gate) -> str:
        rule = signing.rule_of(gate, self._facts)
        if rule is None or permissions.against_signing_gate(
            person_of(self._request), self._agent, rule.signer
        ):
            return ""
        query = urlencode({"version": self._version.pk, "gate": gate.value})
        return f"{reverse('admin:governance_gatesignature_add')}?{query}"


def _page(name: str, query: str = "") -> str:
    return f"{reverse(f'admin:{name}')}{query}"
