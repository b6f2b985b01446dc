"""The ten gates: each met, and each way in which it is not; what met it is exactly what it rests on."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from agents.choices import VersionTestKind
from governance import gates
from governance.choices import AssessmentKind, Exercise, Gate, GateState, Place, RiskLevel
from governance.gates import runbooks, signing
from governance.gates.facts import (
    Attached,
    Build,
    Bundled,
    Demands,
    Facts,
    Risk,
    Signature,
    Signed,
    Standing,
    SuiteRun,
)
from tests.governance import ready

D = Gate.DATA_PROTECTIONS
NOW = timezone.now()
BUILD = Build("version/1", "a" * 64, "a" * 64, "provider model", "b" * 64, "c" * 40, "sha256:1")
RISK = Risk("assessment/1", NOW, "special")
BUNDLE = Bundled("bundle/1", "9" * 64, NOW, 0)
HIGH = Demands(
    level=RiskLevel.HIGH.value,
    assessments=tuple(sorted(AssessmentKind.values)),
    assessment_max_days=180,
    tests=(VersionTestKind.FUNCTIONAL.value, VersionTestKind.PROMPT_INJECTION.value),
    test_max_days=90,
    exercise=Exercise.TABLETOP.value,
    review_days=90,
    retention_days=2555,
)


def run(kind: str, **changed: Any) -> SuiteRun:
    made = SuiteRun(f"test/{kind}", kind, "all", True, NOW, NOW, "d" * 64)  # noqa: FBT003
    return replace(made, **changed)


def _signed(facts: Facts) -> Facts:
    """With every signature that the class asks for."""
    people = {Gate.MONITORING: ("sasha", "security"), Gate.RUNBOOKS: ("olivia", "owner")}
    signatures = {
        gate.value: Signature(f"gate_signature/{gate}", *people.get(gate, ("daniel", "deputy")),
                              signing.digest(gate, facts), "")
        for gate in signing.RULES
    }  # fmt: skip
    return replace(facts, signatures=signatures)


GOOD = _signed(
    Facts(
        now=NOW,
        agent="1",
        policy_violations=(),
        demands=HIGH,
        risk=RISK,
        assessments={kind: Signed(f"impact_assessment/{kind}", "e" * 64, NOW) for kind in HIGH.assessments},
        overdue_mitigations=0,
        owner="olivia",
        owner_active=True,
        deputies=frozenset({"daniel"}),
        deputies_active=1,
        sponsor="",
        grants=(Standing("grant/1", "get_vulnerability_info", writes=False, elevated=False, used=True),),
        build=BUILD,
        tests=(run("functional"), run("prompt_injection"), run("tabletop")),
        monitoring_plan="Watch it.",
        runbook=ready.RUNBOOK,
        data_categories=("reports",),
        jurisdictions=("DE",),
        frameworks_without_rule=(),
        kept_days=2555,
        documents=tuple(Attached(f"document/{kind}", kind, "f" * 64) for kind in ready.PAPERS),
        signatures={},
        bundle=BUNDLE,
        approved_at=NOW - timedelta(hours=1),
        review_date=NOW.date() + timedelta(days=90),
    )
)
OLD = timedelta(days=400)


def unmet(facts: Facts) -> dict[Gate, GateState]:
    return {one.gate: one.state for one in gates.evaluate(facts) if not one.met}


def without(mapping: Any, *names: str) -> Any:
    return {name: value for name, value in mapping.items() if name not in names}


def failed_later(kind: str) -> tuple[SuiteRun, ...]:
    later = run(kind, passed=False, recorded_at=NOW + timedelta(minutes=1), reference="test/later")
    return (*GOOD.tests, later)


MISSING, SIGN, STALE = GateState.MISSING, GateState.NEEDS_SIGNATURE, GateState.STALE
WAYS: list[tuple[str, dict[str, Any], dict[Gate, GateState], str]] = [
    (
        "outside the policy",
        {"policy_violations": ("Not allowed.",)},
        {Gate.POLICY_ALIGNMENT: MISSING},
        "Not allowed.",
    ),
    (
        "questionnaire is old",
        {"risk": replace(RISK, assessed_at=NOW - OLD)},
        {Gate.RISK_ASSESSMENT: STALE},
        "400 days ago",
    ),
    (
        "an assessment is absent",
        {"assessments": without(GOOD.assessments, "security")},
        {Gate.RISK_ASSESSMENT: MISSING},
        "Security impact assessment",
    ),
    (
        "an assessment is old",
        {"assessments": {**GOOD.assessments, "model_card": Signed("x/1", "1" * 64, NOW - OLD)}},
        {Gate.RISK_ASSESSMENT: STALE},
        "Model card",
    ),
    ("no exercise", {"tests": GOOD.tests[:2]}, {Gate.RISK_ASSESSMENT: MISSING}, "tabletop"),
    (
        "an exercise is old",
        {"tests": (*GOOD.tests[:2], run("tabletop", ended_at=NOW - OLD))},
        {Gate.RISK_ASSESSMENT: MISSING},
        "fresh",
    ),
    ("an exercise failed", {"tests": failed_later("tabletop")}, {Gate.RISK_ASSESSMENT: MISSING}, "passed"),
    ("no active owner", {"owner_active": False}, {Gate.IDENTITY_AND_ACCESS: MISSING}, "no active owner"),
    ("no deputy", {"deputies_active": 0}, {Gate.IDENTITY_AND_ACCESS: MISSING}, "deputy"),
    (
        "a standing write",
        {"grants": (Standing("grant/2", "open_ticket", writes=True, elevated=False, used=True),)},
        {Gate.IDENTITY_AND_ACCESS: MISSING},
        "open_ticket",
    ),
    (
        "another content",
        {"build": replace(BUILD, computed="0" * 64)},
        {Gate.PROVENANCE: MISSING},
        "not what its digest says",
    ),
    ("no model", {"build": replace(BUILD, model="")}, {Gate.PROVENANCE: MISSING}, "model"),
    ("no prompt", {"build": replace(BUILD, prompt_digest="")}, {Gate.PROVENANCE: MISSING}, "prompt"),
    ("no commit", {"build": replace(BUILD, code_commit="")}, {Gate.PROVENANCE: MISSING}, "commit"),
    ("not pinned", {"build": replace(BUILD, pinned="")}, {Gate.PROVENANCE: MISSING}, "image"),
    ("never tested", {"tests": GOOD.tests[1:]}, {Gate.TESTING: MISSING}, "no run on this version"),
    ("failed since", {"tests": failed_later("functional")}, {Gate.TESTING: MISSING}, "the newest run failed"),
    (
        "another suite failed",
        {"tests": (*GOOD.tests, run("functional", suite="b", passed=False))},
        {Gate.TESTING: MISSING},
        "failed of b",
    ),
    (
        "tested long ago",
        {"tests": (run("functional", ended_at=NOW - OLD), *GOOD.tests[1:])},
        {Gate.TESTING: STALE},
        "400 days ago",
    ),
    ("no plan", {"monitoring_plan": " "}, {Gate.MONITORING: MISSING}, "no monitoring plan"),
    (
        "plan not signed",
        {"signatures": without(GOOD.signatures, "monitoring")},
        {Gate.MONITORING: SIGN},
        "not signed yet",
    ),
    ("plan edited", {"monitoring_plan": "Watch less."}, {Gate.MONITORING: SIGN}, "edited since"),
    (
        "signer became deputy",
        {"deputies": frozenset({"daniel", "sasha"})},
        {Gate.MONITORING: SIGN, Gate.POST_DEPLOYMENT: SIGN},
        "owner's side",
    ),
    ("signer sponsors it", {"sponsor": "sasha"}, {Gate.MONITORING: SIGN}, "owner's side"),
    ("no data named", {"data_categories": ()}, {D: MISSING}, "category of data"),
    ("no jurisdiction", {"jurisdictions": ()}, {D: MISSING}, "jurisdiction"),
    ("no rule", {"frameworks_without_rule": ("HIPAA",)}, {D: MISSING}, "HIPAA"),
    ("kept too short", {"kept_days": 30}, {D: MISSING}, "30 days"),
    (
        "privacy not assessed",
        {"assessments": without(GOOD.assessments, "privacy")},
        {Gate.RISK_ASSESSMENT: MISSING, D: MISSING},
        "privacy impact",
    ),
    ("no runbook", {"runbook": ""}, {Gate.RUNBOOKS: MISSING}, "isolate, roll back, quarantine"),
    (
        "half a runbook",
        {"runbook": "Isolate: freeze.\nRoll back:\n\nQuarantine: keep."},
        {Gate.RUNBOOKS: MISSING},
        "roll back",
    ),
    (
        "not rehearsed",
        {"signatures": without(GOOD.signatures, "runbooks")},
        {Gate.RUNBOOKS: SIGN},
        "not signed yet",
    ),
    ("runbook edited", {"runbook": ready.RUNBOOK + "More."}, {Gate.RUNBOOKS: SIGN}, "edited since"),
    (
        "a document is absent",
        {"documents": GOOD.documents[1:]},
        {Gate.COMPLIANCE_EVIDENCE: MISSING},
        "none is attached",
    ),
    (
        "nobody hears of incidents",
        {"signatures": without(GOOD.signatures, "post_deployment")},
        {Gate.POST_DEPLOYMENT: SIGN},
        "not signed yet",
    ),
]
AFTER: list[tuple[str, dict[str, Any], Gate, str]] = [
    ("no bundle", {"bundle": None}, Gate.COMPLIANCE_EVIDENCE, "No evidence bundle"),
    (
        "an older bundle",
        {"bundle": replace(BUNDLE, built_at=NOW - OLD)},
        Gate.COMPLIANCE_EVIDENCE,
        "since the board",
    ),
    (
        "an incomplete bundle",
        {"bundle": replace(BUNDLE, missing=2)},
        Gate.COMPLIANCE_EVIDENCE,
        "2 things",
    ),
    (
        "a stale bundle",
        {"bundle": replace(BUNDLE, built_at=NOW - OLD), "approved_at": NOW - OLD * 2},
        Gate.COMPLIANCE_EVIDENCE,
        "400 days old",
    ),
    ("no review date", {"review_date": None}, Gate.POST_DEPLOYMENT, "No date"),
    ("review overdue", {"review_date": NOW.date() - timedelta(days=1)}, Gate.POST_DEPLOYMENT, "was due"),
]


def test_everything_is_met() -> None:
    assert unmet(GOOD) == {}
    for result in gates.evaluate(GOOD):
        assert result.evidence, result.gate


def test_the_checklist_has_ten_gates_in_its_order() -> None:
    assert [one.gate for one in gates.evaluate(GOOD)] == list(Gate)
    assert len(Gate) == 10


@pytest.mark.parametrize(
    ("changed", "expected", "words"), [way[1:] for way in WAYS], ids=[way[0] for way in WAYS]
)
def test_each_way_of_missing(changed: dict[str, Any], expected: dict[Gate, GateState], words: str) -> None:
    facts = replace(GOOD, **changed)
    assert unmet(facts) == expected
    lacks = [lack for result in gates.evaluate(facts) for lack in result.lacks]
    assert any(words in lack.sentence for lack in lacks), lacks
    assert not any(lack.after_approval for lack in lacks)
    assert {lack.place for lack in lacks} <= set(Place)


@pytest.mark.parametrize(
    ("changed", "gate", "words"), [way[1:] for way in AFTER], ids=[way[0] for way in AFTER]
)
def test_what_can_only_be_there_after_the_approval(changed: dict[str, Any], gate: Gate, words: str) -> None:
    (result,) = (one for one in gates.evaluate(replace(GOOD, **changed)) if not one.met)
    assert (result.gate, result.state, result.ready) == (gate, GateState.AFTER_APPROVAL, True)
    assert words in result.lacks[0].sentence


def test_before_the_approval_two_gates_wait_for_it() -> None:
    waiting = unmet(replace(GOOD, approved_at=None, bundle=None, review_date=None))
    assert waiting == {
        Gate.COMPLIANCE_EVIDENCE: GateState.AFTER_APPROVAL,
        Gate.POST_DEPLOYMENT: GateState.AFTER_APPROVAL,
    }


def test_without_a_risk_class_nobody_knows_what_is_asked_for() -> None:
    found = unmet(replace(GOOD, risk=None, demands=None))
    assert {Gate.RISK_ASSESSMENT, Gate.TESTING, Gate.POST_DEPLOYMENT} <= set(found)


def test_a_low_class_asks_for_less() -> None:
    low = replace(HIGH, level=RiskLevel.LOW.value, exercise=Exercise.NONE.value, tests=(), assessments=())
    facts = replace(
        GOOD,
        demands=low,
        deputies=frozenset(),
        deputies_active=0,
        build=replace(BUILD, pinned=""),
        signatures=without(GOOD.signatures, "runbooks"),
        tests=GOOD.tests[:1],
        risk=replace(RISK, data_sensitivity="public"),
        assessments={},
    )
    signed = _signed(facts)
    assert unmet(replace(signed, signatures=without(signed.signatures, "runbooks", "post_deployment"))) == {
        Gate.POST_DEPLOYMENT: GateState.NEEDS_SIGNATURE
    }


def test_warnings_are_no_lack() -> None:
    unused = Standing("grant/3", "get_weather", writes=False, elevated=False, used=False)
    found = {
        one.gate: one.warnings
        for one in gates.evaluate(replace(GOOD, grants=(unused,), overdue_mitigations=2))
    }
    assert "get_weather" in found[Gate.IDENTITY_AND_ACCESS][0]
    assert "2 of the mitigations" in found[Gate.RISK_ASSESSMENT][0]
    assert unmet(replace(GOOD, grants=(unused,), overdue_mitigations=2)) == {}


# Each piece of evidence, and the gates that rest on it: what is taken away un-meets exactly these.
PIECES: dict[str, tuple[dict[str, Any], set[Gate]]] = {
    "functional test": ({"tests": "functional"}, {Gate.TESTING}),
    "prompt injection test": ({"tests": "prompt_injection"}, {Gate.TESTING}),
    "exercise": ({"tests": "tabletop"}, {Gate.RISK_ASSESSMENT}),
    "privacy": ({"assessments": "privacy"}, {Gate.RISK_ASSESSMENT, D}),
    "security": ({"assessments": "security"}, {Gate.RISK_ASSESSMENT}),
    "model card": ({"assessments": "model_card"}, {Gate.RISK_ASSESSMENT}),
    "security checklist": ({"assessments": "security_checklist"}, {Gate.RISK_ASSESSMENT}),
    **{f"signature of {gate}": ({"signatures": gate.value}, {gate}) for gate in signing.RULES},
    **{f"document {kind}": ({"documents": kind}, {Gate.COMPLIANCE_EVIDENCE}) for kind in ready.PAPERS},
    "bundle": ({"bundle": None}, {Gate.COMPLIANCE_EVIDENCE}),
    "plan": ({"monitoring_plan": ""}, {Gate.MONITORING}),
    "runbook": ({"runbook": ""}, {Gate.RUNBOOKS}),
    "data": ({"data_categories": ()}, {D}),
    "jurisdictions": ({"jurisdictions": ()}, {D}),
    "owner": ({"owner_active": False}, {Gate.IDENTITY_AND_ACCESS}),
    "deputy": ({"deputies_active": 0}, {Gate.IDENTITY_AND_ACCESS}),
    "commit": ({"build": replace(BUILD, code_commit="")}, {Gate.PROVENANCE}),
    "review": ({"review_date": None}, {Gate.POST_DEPLOYMENT}),
}


def take(facts: Facts, piece: str) -> Facts:
    """Without that piece; of what there are several, the named one goes."""
    ((name, gone),) = PIECES[piece][0].items()
    if name in {"tests", "documents"}:
        gone = tuple(one for one in getattr(facts, name) if one.kind != gone)
    elif name in {"assessments", "signatures"}:
        gone = without(getattr(facts, name), gone)
    return replace(facts, **{name: gone})


@given(st.sets(st.sampled_from(sorted(PIECES)), max_size=5))
def test_taking_evidence_away_unmeets_exactly_the_gates_that_rest_on_it(pieces: set[str]) -> None:
    facts, resting = GOOD, set[Gate]()
    for piece in pieces:
        facts, resting = take(facts, piece), resting | PIECES[piece][1]
    if not facts.tests:
        resting.add(Gate.COMPLIANCE_EVIDENCE)
    assert set(unmet(facts)) == resting


@given(st.text(max_size=200))
def test_a_runbook_is_read_whatever_it_says(text: str) -> None:
    assert set(runbooks.sections(text)) <= set(runbooks.SECTIONS)


def test_a_runbook_may_have_headings_and_paragraphs() -> None:
    text = (
        "# How\n## Isolate\nFreeze it.\nThen call.\n## Rollback\n\nGo back.\n### Quarantine - keep the host"
    )
    assert runbooks.sections(text) == {
        "Isolate": "Freeze it. Then call.",
        "Roll back": "Go back.",
        "Quarantine": "keep the host",
    }
