"""The ten gates of the deployment checklist (S1-27): one module each, all of one shape.

`evaluate(facts)` says what is missing and where it is mended, what met the gate, and what is worth a
look. Facts are gathered once for all ten (`governance.gate_facts`).
"""

from collections.abc import Callable, Mapping

from governance.choices import Gate
from governance.gates import (
    compliance_evidence,
    data_protections,
    identity_and_access,
    monitoring,
    policy_alignment,
    post_deployment,
    provenance,
    risk_assessment,
    runbooks,
    testing,
)
from governance.gates.facts import Facts, Result

_GATES: Mapping[Gate, Callable[[Facts], Result]] = {
    Gate.POLICY_ALIGNMENT: policy_alignment.evaluate,
    Gate.RISK_ASSESSMENT: risk_assessment.evaluate,
    Gate.IDENTITY_AND_ACCESS: identity_and_access.evaluate,
    Gate.PROVENANCE: provenance.evaluate,
    Gate.TESTING: testing.evaluate,
    Gate.MONITORING: monitoring.evaluate,
    Gate.DATA_PROTECTIONS: data_protections.evaluate,
    Gate.RUNBOOKS: runbooks.evaluate,
    Gate.COMPLIANCE_EVIDENCE: compliance_evidence.evaluate,
    Gate.POST_DEPLOYMENT: post_deployment.evaluate,
}


def evaluate(facts: Facts) -> list[Result]:
    """How each of the ten stands, in the order of the checklist."""
    return [evaluate_one(facts) for evaluate_one in _GATES.values()]
