"""Egress lists, attempts, exceptions, endpoints and anomalies over the management API."""

from typing import Any

import pytest

from agents.models import Agent, EgressAnomaly, EgressAttempt, Person
from tests.api.calling import caller
from tests.governance.story import events
from tests.portal import work

pytestmark = pytest.mark.django_db
REASON = {"reason": "It needs it."}


def test_what_an_agent_may_reach_is_read_and_changed(ada: Person, active_analyst: Agent) -> None:
    admin = caller(ada)
    path = f"agents/{active_analyst.slug}/egress"
    assert admin.get(path).json() == {
        "mode": "allow",
        "allow": [],
        "deny": [],
        "endpoints": ["https://services.nvd.nist.gov/rest/json/cves/2.0"],
        "changed_at": None,
        "changed_by": "",
    }
    changed = admin.change("PATCH", path, {"allow": ["API.example.org."], **REASON})
    assert changed.status_code == 200, changed.content
    assert changed.json()["allow"] == ["https://api.example.org"]
    both = admin.change("PATCH", path, {"mode": "hybrid", "deny": ["evil.example"], **REASON}).json()
    assert (both["allow"], both["deny"]) == (["https://api.example.org"], ["evil.example"])
    assert admin.change("PATCH", path, {"mode": "hybrid", **REASON}).status_code == 409


@pytest.mark.parametrize(
    "body",
    [{"allow": ["*"], **REASON}, {"deny": ["x"], **REASON}, {"allow": ["x.org"]}, {"mode": "all", **REASON},
     {"allow": "x.org", **REASON}, {"more": 1, **REASON}],
)  # fmt: skip
def test_what_is_wrong_is_pointed_at(ada: Person, active_analyst: Agent, body: dict[str, Any]) -> None:
    answered = caller(ada).change("PATCH", f"agents/{active_analyst.slug}/egress", body)
    assert answered.status_code in {400, 422}
    assert answered["Content-Type"] == "application/problem+json"


def test_a_token_says_no_more_than_its_person(olivia: Person, oscar: Person, active_analyst: Agent) -> None:
    path, body = f"agents/{active_analyst.slug}/egress", {"allow": ["evil.example"], **REASON}
    assert caller(olivia).change("PATCH", path, body).status_code == 403
    assert caller(oscar).change("PATCH", path, body).status_code == 404
    assert caller(olivia).change("POST", "endpoints/nvd/trip", REASON).status_code == 403
    exception = {"host": "nvd.internal", "port": 443, "days": 1, **REASON}
    assert caller(olivia).change("POST", "egress-exceptions", exception).status_code == 403


def test_attempts_are_listed_and_narrowed(aude: Person, olivia: Person) -> None:
    agent = work.agent(olivia)
    work.egress(agent)
    shown = caller(aude).get(f"egress-attempts?agent={agent.slug}&allowed=true&host=api.example.org").json()
    (row,) = shown["results"]
    assert (row["agent"]["slug"], row["reason"], row["port"]) == (agent.slug, "allow_list", 443)
    attempt = EgressAttempt.objects.get()
    assert caller(aude).get(f"egress-attempts/{attempt.pk}").json() == row
    assert caller(aude).get("egress-attempts?reason=deny_list").json()["results"] == []


def test_an_exception_is_made_and_ended(ada: Person, active_analyst: Agent) -> None:
    admin = caller(ada)
    body = {"agent": active_analyst.slug, "host": "NVD.internal", "port": 443, "days": 7, **REASON}
    made = admin.change("POST", "egress-exceptions", body)
    assert made.status_code == 201, made.content
    assert made.json()["host"] == "nvd.internal"
    ended = admin.change("POST", f"egress-exceptions/{made.json()['id']}/end", {})
    assert (ended.status_code, ended.json()["ended_by"]) == (200, ada.actor.ref)


def test_an_endpoint_is_named_changed_opened_and_closed(ada: Person, stella: Person) -> None:
    admin, steward = caller(ada), caller(stella)
    made = admin.change("POST", "endpoints", {"name": "crm", "url": "https://crm.example.org"})
    assert made["Location"].endswith("/endpoints/crm")
    changed = admin.change("PATCH", "endpoints/crm", {"failure_threshold": 2})
    assert (changed.json()["failure_threshold"], changed.json()["url"]) == (2, "https://crm.example.org")
    tripped = steward.change("POST", "endpoints/crm/trip", REASON)
    assert (tripped.json()["state"], tripped.json()["tripped"]) == ("open", True)
    assert steward.change("POST", "endpoints/crm/trip", REASON).status_code == 409
    assert steward.change("POST", "endpoints/crm/reset", REASON).json()["state"] == "closed"
    assert steward.change("PATCH", "endpoints/crm", {"failure_threshold": 1}).status_code == 403


def test_an_anomaly_is_closed(olivia: Person) -> None:
    work.egress(work.agent(olivia))
    anomaly = EgressAnomaly.objects.get()
    owner = caller(olivia)
    assert [row["id"] for row in owner.get("egress-anomalies?open=true").json()["results"]] == [
        str(anomaly.pk)
    ]
    closed = owner.change("POST", f"egress-anomalies/{anomaly.pk}/closing", {"verdict": "A mirror."})
    assert (closed.status_code, closed.json()["verdict"]) == (200, "A mirror.")
    assert owner.get("egress-anomalies?open=true").json()["results"] == []


def test_a_rule_of_what_is_unusual_is_read_and_changed(ada: Person, aude: Person) -> None:
    admin, auditor = caller(ada), caller(aude)
    kinds = [row["kind"] for row in auditor.get("anomaly-rules").json()["results"]]
    assert sorted(kinds) == ["destination", "off_hours", "rate", "transfer"]
    rule = auditor.get("anomaly-rules/rate").json()
    assert (rule["kind"], rule["enabled"], rule["factor"]) == ("rate", True, 5)
    changed = admin.change("PATCH", "anomaly-rules/rate", {"factor": 3, **REASON})
    assert changed.status_code == 200, changed.content
    assert changed.json() == rule | {"factor": 3}
    assert events("anomaly_rule.changed")[-1].details["reason"] == REASON["reason"]
    assert auditor.get("anomaly-rules?enabled=false").json()["results"] == []


def test_a_rule_that_makes_no_sense_or_is_not_ones_own_stays(ada: Person, stella: Person) -> None:
    admin = caller(ada)
    assert admin.change("PATCH", "anomaly-rules/rate", {"factor": 3}).status_code == 422
    assert admin.change("PATCH", "anomaly-rules/rate", {"factor": 0, **REASON}).status_code == 422
    assert admin.change("PATCH", "anomaly-rules/rate", {"from_hour": 20, **REASON}).status_code == 422
    assert admin.change("PATCH", "anomaly-rules/rate", {"factor": 5, **REASON}).status_code == 409
    assert admin.change("PATCH", "anomaly-rules/nothing", {"factor": 3, **REASON}).status_code == 404
    assert caller(stella).change("PATCH", "anomaly-rules/rate", {"factor": 3, **REASON}).status_code == 403
    assert not events("anomaly_rule.changed")
