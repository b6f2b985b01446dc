"""What the gates look at, gathered once for all ten, and what they answer. Pure: no database, no HTTP.

Nothing here names a person: evidence is named by its reference in the ledger and by its digest, so that
a result can be frozen with what is approved.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from governance.choices import Gate, GateState, Place


@dataclass(frozen=True, slots=True)
class Demands:
    """What the risk class of the agent asks for."""

    level: str
    assessments: tuple[str, ...]
    assessment_max_days: int
    tests: tuple[str, ...]
    test_max_days: int
    exercise: str
    review_days: int
    retention_days: int


@dataclass(frozen=True, slots=True)
class Risk:
    """The newest answers to the risk questionnaire."""

    reference: str
    assessed_at: datetime
    data_sensitivity: str


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed impact assessment that is in force."""

    reference: str
    digest: str
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class Build:
    """The version: what it says, and what its digest is when it is computed anew."""

    reference: str
    digest: str
    computed: str
    model: str
    prompt_digest: str
    code_commit: str
    pinned: str


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """One test record of this very build."""

    reference: str
    kind: str
    suite: str
    passed: bool
    ended_at: datetime
    recorded_at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A grant that has not ended."""

    reference: str
    action: str
    writes: bool
    elevated: bool
    used: bool


@dataclass(frozen=True, slots=True)
class Attached:
    """A document with the agent."""

    reference: str
    kind: str
    digest: str


@dataclass(frozen=True, slots=True)
class Signature:
    """A live signature: by whom, in which capacity, and the digest of what was signed."""

    reference: str
    person: str
    signed_as: str
    digest: str
    document: str


@dataclass(frozen=True, slots=True)
class Bundled:
    """The newest evidence bundle about the agent that could be built."""

    reference: str
    digest: str
    built_at: datetime
    missing: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the ten gates look at, for one version of one agent, at one moment."""

    now: datetime
    agent: str
    policy_violations: tuple[str, ...]
    demands: Demands | None
    risk: Risk | None
    assessments: Mapping[str, Signed]
    overdue_mitigations: int
    owner: str
    owner_active: bool
    deputies: frozenset[str]
    deputies_active: int
    sponsor: str
    grants: tuple[Standing, ...]
    build: Build
    tests: tuple[SuiteRun, ...]
    monitoring_plan: str
    runbook: str
    data_categories: tuple[str, ...]
    jurisdictions: tuple[str, ...]
    frameworks_without_rule: tuple[str, ...]
    kept_days: int
    documents: tuple[Attached, ...]
    signatures: Mapping[str, Signature]
    bundle: Bundled | None
    approved_at: datetime | None
    review_date: date | None

    @property
    def owners_side(self) -> frozenset[str]:
        """Ids of those who want the agent: they do not vouch for it where another person is asked for."""
        return self.deputies | {self.owner} | ({self.sponsor} if self.sponsor else frozenset())

    def days_since(self, moment: datetime) -> int:
        return (self.now - moment) // timedelta(days=1)

    def latest_tests(self, kind: str) -> list[SuiteRun]:
        """The newest record of each suite of a kind."""
        ordered = sorted(
            (test for test in self.tests if test.kind == kind),
            key=lambda test: (test.suite, test.recorded_at, test.reference),
        )
        return [list(runs)[-1] for _suite, runs in groupby(ordered, key=lambda test: test.suite)]


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that a gate misses: the sentence says what, the place where it is mended.

    What is `after_approval` can only be there once the board has approved.
    """

    state: GateState
    sentence: str
    place: Place
    after_approval: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What met a gate: its reference in the ledger, its digest where it has one, and what it is."""

    reference: str
    what: str
    digest: str = ""


_WORST = (GateState.MISSING, GateState.NEEDS_SIGNATURE, GateState.STALE)


@dataclass(frozen=True, slots=True)
class Result:
    """How one gate stands."""

    gate: Gate
    lacks: tuple[Lack, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        return not self.lacks

    @property
    def ready(self) -> bool:
        """Whether nothing is missing that can be there before the board has approved."""
        return all(lack.after_approval for lack in self.lacks)

    @property
    def state(self) -> GateState:
        if self.met:
            return GateState.MET
        if self.ready:
            return GateState.AFTER_APPROVAL
        states = {lack.state for lack in self.lacks if not lack.after_approval}
        return next(state for state in _WORST if state in states)


def missing(sentence: str, place: Place, *, after_approval: bool = False) -> Lack:
    return Lack(GateState.MISSING, sentence, place, after_approval)


def stale(sentence: str, place: Place, *, after_approval: bool = False) -> Lack:
    return Lack(GateState.STALE, sentence, place, after_approval)
