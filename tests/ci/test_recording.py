"""Test records come in from CI: with a credential of the pipeline's own, for its agents, once (S1-26)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from agents.choices import DocumentKind
from agents.models import Agent, AgentVersion, Person, VersionTest
from agents.services import register, version_tests
from audits.errors import Conflict, Denied, Invalid
from governance.services import pipelines
from tests.ci.asking import GATE, TESTS, Asker, run_of
from tests.conftest import SETUP
from tests.governance import ready
from tests.governance.story import events

pytestmark = pytest.mark.django_db


@pytest.fixture
def asker(analyst: Agent) -> Asker:
    return Asker(analyst)


def test_a_run_is_recorded(asker: Asker, analyst_version: AgentVersion) -> None:
    answered = asker.post(TESTS, run_of(analyst_version))
    assert answered.status_code == 201, answered.content
    made = VersionTest.objects.get()
    assert (made.version, made.version_digest) == (analyst_version, analyst_version.digest)
    assert made.recorded_by == "system/pipeline-shop-ci"
    (event,) = events("test.recorded")
    assert (event.object, event.actor) == (f"test/{made.pk}", "system/pipeline-shop-ci")


def test_a_version_may_be_named_by_its_label(asker: Asker, analyst_version: AgentVersion) -> None:
    assert asker.post(TESTS, run_of(analyst_version, version="1.0.0")).status_code == 201


def test_a_run_that_is_sent_again_changes_nothing(asker: Asker, analyst_version: AgentVersion) -> None:
    sent = run_of(analyst_version)
    first, second = asker.post(TESTS, sent), asker.post(TESTS, sent)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert len(events("test.recorded")) == 1


def test_a_run_is_not_told_otherwise(asker: Asker, analyst_version: AgentVersion) -> None:
    sent = run_of(analyst_version)
    asker.post(TESTS, sent)
    found = asker.refuses(TESTS, sent | {"outcome": "failed", "failed": 1}, 409, "conflict")
    assert "outcome, failed" in found["detail"]
    assert VersionTest.objects.get().outcome == "passed"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"kind": "wishful"}, "kind"),
        ({"outcome": "maybe"}, "outcome"),
        ({"suite": " "}, "suite"),
        ({"suite": "x" * 201}, "suite"),
        ({"tool": "py\ntest"}, "tool"),
        ({"failed": 1}, "failed"),
        ({"passed": 0}, "passed"),
        ({"skipped": -1}, "skipped"),
        ({"passed": 2**40}, "passed"),
        ({"run_url": "javascript:alert(1)"}, "run_url"),
        ({"run_url": "https://name:word@ci.example.org/"}, "run_url"),
        ({"run_url": "https:///nowhere"}, "run_url"),
        ({"report_sha256": "AB" * 32}, "report_sha256"),
        ({"commit": "HEAD"}, "commit"),
        ({"commit": "0" * 40}, "commit"),
        ({"started_at": "yesterday"}, "started_at"),
        ({"started_at": "2026-02-30T00:00:00Z"}, "started_at"),
        ({"started_at": "2026-01-01T00:00:00"}, "started_at"),
        ({"ended_at": "2020-01-01T00:00:00Z"}, "ended_at"),
        ({"ended_at": (timezone.now() + timedelta(days=1)).isoformat()}, "ended_at"),
    ],
)
def test_what_does_not_hold_is_refused(
    asker: Asker, analyst_version: AgentVersion, changed: dict[str, Any], field: str
) -> None:
    found = asker.refuses(TESTS, run_of(analyst_version, **changed), 422, "invalid")
    assert f"/{field}" in [error["pointer"] for error in found["errors"]]
    assert not VersionTest.objects.exists()


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"a": 1, "a": 2}', b'{"agent": NaN}', b"\xff", b'{"agent": "\\ud800"}']
)
@pytest.mark.parametrize("path", [TESTS, GATE])
def test_what_is_no_json_object_is_refused(asker: Asker, path: str, body: bytes) -> None:
    asker.refuses(path, body, 400, "malformed")


def test_forms_are_strict(asker: Asker, analyst_version: AgentVersion) -> None:
    good = run_of(analyst_version)
    for changed in ({"passed": "12"}, {"passed": True}, {"suite": None}, {"kind": 1}, {"wish": "x"}):
        asker.refuses(TESTS, good | changed, 400, "malformed")
    asker.refuses(TESTS, {name: good[name] for name in good if name != "run_id"}, 400, "malformed")
    asker.refuses(TESTS, good, 400, "malformed", content_type="text/plain")
    asker.refuses(TESTS, b'"' + b"x" * 300_000 + b'"', 413, "too-large")


def test_only_post(asker: Asker, client: Any) -> None:
    for path in (TESTS, GATE):
        answered = client.get(path, headers={"Authorization": f"Bearer {asker.credential}"})
        assert answered.status_code == 405
        assert answered["Allow"] == "POST"


def test_without_a_credential_nothing(asker: Asker, analyst_version: AgentVersion) -> None:
    sent = run_of(analyst_version)
    for path in (TESTS, GATE):
        asker.refuses(path, sent, 401, "unauthenticated", headers={"Authorization": ""})
        asker.refuses(path, sent, 401, "invalid-token", headers={"Authorization": "Bearer cspipe_x"})
    assert len(events("pipeline.refused", "denied")) == 4
    assert not VersionTest.objects.exists()


def test_a_revoked_and_a_rotated_credential_count_no_more(asker: Asker, analyst: Agent) -> None:
    first = asker.credential
    asker.credential = pipelines.rotate(actor=SETUP, pipeline=asker.pipeline)
    asker.ask(analyst, "1")
    asker.credential, second = first, asker.credential
    asker.refuses(GATE, {}, 401, "invalid-token")
    pipelines.revoke(actor=SETUP, pipeline=asker.pipeline)
    asker.credential = second
    asker.refuses(GATE, {}, 401, "invalid-token")


def test_a_pipeline_works_for_its_agents_alone(
    asker: Asker, olivia: Person, analyst_version: AgentVersion
) -> None:
    other = register.register_agent(
        actor=olivia, slug="other", name="Other", purpose="Others.", business_unit="IT", owner=olivia
    )
    for slug in (other.slug, "nobody"):
        found = asker.refuses(TESTS, run_of(analyst_version, agent=slug), 404, "not-found")
        assert found["detail"] == "This pipeline works for no such agent."
        asker.refuses(GATE, {"agent": slug, "version": "1"}, 404, "not-found")
    assert len(events("pipeline.refused", "denied")) == 4


def test_the_credential_of_an_enforcement_point_is_none_of_a_pipeline(
    asker: Asker, analyst_version: AgentVersion
) -> None:
    asker.credential = asker.credential.replace("cspipe_", "cspep_")
    asker.refuses(TESTS, run_of(analyst_version), 401, "invalid-token")


def test_a_version_that_the_register_does_not_know(asker: Asker, analyst_version: AgentVersion) -> None:
    asker.refuses(TESTS, run_of(analyst_version, version="0" * 64), 404, "not-found")


def test_an_owner_records_by_hand_and_a_stranger_does_not(
    olivia: Person, oscar: Person, sasha: Person, analyst_version: AgentVersion
) -> None:
    ready.record(olivia.actor, analyst_version, "tabletop")
    for person in (oscar, sasha):
        with pytest.raises(Denied):
            ready.record(person.actor, analyst_version, "tabletop")
    assert len(events("test.recorded", "denied")) == 2


def test_the_document_is_the_agents_own(
    olivia: Person, analyst: Agent, analyst_version: AgentVersion
) -> None:
    other = register.register_agent(
        actor=olivia, slug="other", name="Other", purpose="Others.", business_unit="IT", owner=olivia
    )
    theirs = ready.attach(olivia, other, DocumentKind.TESTING)
    mine = ready.attach(olivia, analyst, DocumentKind.TESTING)
    result = ready.passing("functional")
    with pytest.raises(Invalid, match="another agent"):
        version_tests.record(actor=olivia.actor, version=analyst_version, result=result, document=theirs)
    made, new = version_tests.record(
        actor=olivia.actor, version=analyst_version, result=result, document=mine
    )
    assert new
    assert made.document == mine
    other_paper = ready.attach(olivia, analyst, DocumentKind.POLICY)
    with pytest.raises(Conflict):
        version_tests.record(actor=olivia.actor, version=analyst_version, result=result, document=other_paper)


def test_a_record_does_not_change(olivia: Person, analyst_version: AgentVersion) -> None:
    made = version_tests.record(
        actor=olivia.actor, version=analyst_version, result=ready.failing("functional")
    )[0]
    rows = VersionTest.objects.filter(pk=made.pk)
    changes: tuple[Callable[[], object], ...] = (
        lambda: rows.update(outcome="passed", failed=0),
        lambda: rows._raw_delete("default"),
    )
    for change in changes:
        with pytest.raises(DatabaseError, match="record the next run"), transaction.atomic():
            change()
    assert rows.get().outcome == "failed"


def test_a_forged_pass_is_refused_by_the_database(olivia: Person, analyst_version: AgentVersion) -> None:
    made = ready.record(olivia.actor, analyst_version, "functional")
    made.pk, made.run_id, made.failed = None, "forged", 3
    with pytest.raises(DatabaseError), transaction.atomic():
        made.save(force_insert=True)
