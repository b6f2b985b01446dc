"""What the pages of rows show; foreign text stays text, and more of it costs no more queries."""

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from agents.analyst.planner import LABEL
from agents.models import Agent, AgentInstance, Assessment, Finding, FunctionCall, Person, ProposedAction, Run
from audits.actor import Actor
from audits.choices import Action
from audits.models import Event
from audits.services import ledger
from tests.portal import work
from tests.portal.pages import MODELS, address, fill, happen, listing, page, queries

ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


# --- Pages of rows --------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_every_row_has_a_page_and_foreign_text_stays_text(
    client: Client, ada: Person, olivia: Person, model: str
) -> None:
    fill(olivia, 1)
    client.force_login(ada)
    for row in MODELS[model]._default_manager.all():
        assert "<script>alert(1)" not in page(client, address(row))


@pytest.mark.parametrize("reader", ["olivia", "sasha", "aude"])
def test_every_link_of_a_story_may_be_followed(
    client: Client, olivia: Person, request: pytest.FixtureRequest, reader: str
) -> None:
    """From an agent to its runs, findings, tickets and back, nobody meets a closed door."""
    of = work.agent(olivia)
    made = work.run(of, work.report())
    finding = made.report.findings.get()
    work.ticket(finding)
    client.force_login(request.getfixturevalue(reader))
    for row in (of, made, made.report, finding, made.proposals.get(), made.version):
        assert row is not None
        text = page(client, address(row))
        main = text[text.index("<main") :]
        for link in {part.split('"')[0] for part in main.split('class="cs-link" href="')[1:]}:
            if not link.startswith("#") and "/decision/" not in link:
                assert client.get(link).status_code == 200, link


def test_a_row_that_is_not_there(client: Client, ada: Person) -> None:
    client.force_login(ada)
    gone = reverse("admin:agents_run_change", args=["00000000-0000-7000-8000-000000000000"])
    assert client.get(gone).status_code in {302, 404}
    assert client.get(reverse("admin:agents_run_change", args=["no-id"])).status_code in {302, 404}


# --- An agent -------------------------------------------------------------------------------------


def test_an_agents_page_tells_its_whole_story(client: Client, active_analyst: Agent, aude: Person) -> None:
    made = work.run(active_analyst, work.report(findings=12))
    work.ticket(made.report.findings.all()[0])
    client.force_login(aude)
    text = page(client, address(active_analyst))
    version = active_analyst.active_version
    assert version is not None
    for words in (
        active_analyst.purpose,
        "Olivia Owner",
        "Daniel Deputy",
        active_analyst.approved_digest,
        version.prompt_digest,
        version.digest,
        "get_vulnerability_info",
        "open_ticket for CVE-2021-44228 in log4j-core",
        "SEC-1",
        "1\u201310 of 12",
        f"?stream={active_analyst.stream}",
    ):
        assert words in text


def test_related_rows_come_a_page_at_a_time(client: Client, olivia: Person, aude: Person) -> None:
    of = work.agent(olivia)
    work.run(of, work.report(findings=12))
    client.force_login(aude)
    second = page(client, address(of) + "?proposals=2")
    assert "11\u201312 of 12" in second
    assert "1\u201310 of 12" in second  # The findings stay on their own first page.
    assert "11\u201312 of 12" in page(client, address(of) + "?proposals=999")
    assert "1\u201310 of 12" in page(client, address(of) + "?proposals=nonsense")


def test_a_reader_sees_only_the_sections_that_they_may(client: Client, olivia: Person) -> None:
    of = work.agent(olivia)
    client.force_login(olivia)
    assert 'id="runs"' in page(client, address(of))
    build = work.version(of)
    assert 'id="instances"' in page(client, address(build))
    copy = AgentInstance.objects.create(agent=of, version=build, spiffe_id="spiffe://test/copy")
    text = page(client, address(copy))
    assert 'id="keys"' in text
    assert 'id="credentials"' not in text  # Owners have no view of credentials.


# --- A run ----------------------------------------------------------------------------------------


@pytest.fixture
def finished(active_analyst: Agent, aude: Person, client: Client) -> Run:
    client.force_login(aude)
    return work.run(active_analyst, work.report(findings=2))


def test_a_runs_page_is_a_timeline(client: Client, finished: Run) -> None:
    text = page(client, address(finished))
    for words in (
        "Turn 1",
        "get_vulnerability_info",
        "Allowed: A grant allows it",
        "60 s, for read on endpoint/nvd at gateway only",
        "Denied (requestable): A write needs a live elevation that covers it",
        "None was minted",
        "Waiting for write elevation",
        "Untrusted text from",
        "It can be reached.",
        ESCAPED,
    ):
        assert words in text
    first, second = (text.index(f"/finding/{finding.pk}/") for finding in finished.report.findings.all())
    assert first < second


def test_rules_are_never_passed_off_as_a_model(client: Client, finished: Run) -> None:
    assert "rules, not a language model" in LABEL
    finding = finished.report.findings.all()[0]
    for where in (address(finished), address(finding), listing(Run), reverse("admin:index")):
        assert LABEL in page(client, where)


def test_an_invalid_call_never_reached_a_decision(client: Client, finished: Run) -> None:
    FunctionCall.objects.create(
        run=finished,
        finding=finished.report.findings.all()[0],
        function="drop_database",
        arguments={},
        outcome="invalid",
        error="Unknown function drop_database.",
    )
    text = page(client, address(finished))
    assert "Not asked: refused before any decision" in text
    assert "Unknown function drop_database." in text


def test_what_came_after_the_run_is_told_as_such(client: Client, finished: Run) -> None:
    FunctionCall.objects.create(
        run=finished,
        finding=finished.report.findings.all()[0],
        function="open_ticket",
        arguments={},
        decision_reason="allowed_by_elevation",
        outcome="executed",
    )
    text = page(client, address(finished))
    assert "After the run, under write elevation" in text
    assert "Allowed: A live write elevation allows it" in text


@pytest.mark.parametrize("response", [{}, [], "text", {"choices": []}, {"choices": [{"message": None}]}])
def test_nonsense_from_a_model_is_still_shown(
    client: Client, active_analyst: Agent, aude: Person, response: object
) -> None:
    made = Run.objects.create(agent=active_analyst, report=work.report(), requested_by="system/x")
    made.model_turns.create(finding=made.report.findings.get(), number=1, request={}, response=response)
    client.force_login(aude)
    assert "Turn 1" in page(client, address(made))


@pytest.mark.parametrize(
    ("state", "words"), [("queued", "Waiting its turn."), ("failed", "The run ended before it came to this")]
)
def test_a_finding_without_steps_says_why(
    client: Client, active_analyst: Agent, aude: Person, state: str, words: str
) -> None:
    ended = {"ended_at": work.NOON, "reason": "model_unreachable"} if state == "failed" else {}
    made = Run.objects.create(
        agent=active_analyst, report=work.report(), requested_by="system/x", state=state, **ended
    )
    client.force_login(aude)
    text = page(client, address(made))
    assert words in text
    assert ('hx-trigger="every 2s"' in text) is (state == "queued")


def test_a_reader_who_follows_a_run_is_told_that_it_ended(client: Client, finished: Run) -> None:
    followed = client.get(address(finished), headers={"HX-Request": "true"}).content.decode()
    assert "The run has ended." in followed
    assert "The run has ended." not in page(client, address(finished))


def test_more_findings_cost_no_more_queries(client: Client, olivia: Person, aude: Person) -> None:
    of = work.agent(olivia)
    client.force_login(aude)
    small, large = work.run(of, work.report(2)), work.run(of, work.report(30))
    page(client, address(small))
    assert queries(client, address(large)) == queries(client, address(small))


def test_a_longer_report_costs_no_more_queries(client: Client, olivia: Person, aude: Person) -> None:
    of = work.agent(olivia)
    client.force_login(aude)
    small, large = work.run(of, work.report(2)).report, work.run(of, work.report(30)).report
    page(client, address(small))
    assert queries(client, address(large)) == queries(client, address(small))


# --- A finding ------------------------------------------------------------------------------------


def test_a_findings_page_marks_foreign_text_and_says_why_there_are_no_facts(
    client: Client, finished: Run
) -> None:
    text = page(client, address(finished.report.findings.all()[0]))
    for words in (
        "Untrusted text from the scanner&#x27;s report",
        ESCAPED,
        "The lookup could not be made",
        "NVD did not answer within 10 seconds.",
        "It can be reached.",
        "At risk",
        "Patch Management",
        "worked out by code",
    ):
        assert words in text


def test_a_failed_analysis_is_shown_with_its_reason(client: Client, finished: Run) -> None:
    finding = finished.report.findings.all()[0]
    Assessment.objects.filter(finding=finding).update(
        state="failed", reason="nonsense", detail="severity is missing", severity=""
    )
    for where in (address(finding), address(finished)):
        assert "does not fit the assessment&#x27;s schema: severity is missing" in page(client, where)


def test_a_finding_nobody_worked_on_says_so(client: Client, aude: Person) -> None:
    client.force_login(aude)
    finding = Finding.objects.get(report=work.report())
    assert "No run has worked on this finding yet." in page(client, address(finding))


def test_a_proposal_shows_exactly_what_would_be_done(client: Client, finished: Run) -> None:
    proposal = ProposedAction.objects.filter(run=finished)[0]
    text = page(client, address(proposal))
    assert proposal.digest in text
    assert ESCAPED in text
    assert proposal.resource in text


# --- The ledger -----------------------------------------------------------------------------------


def test_an_event_shows_its_header_its_body_and_its_place(client: Client, aude: Person) -> None:
    happen(1)
    event = Event.objects.get(stream="agent/one")
    client.force_login(aude)
    text = page(client, address(event))
    for words in (
        "run.queued",
        event.fields["body"],
        bytes(event.entry.leaf).hex(),
        ESCAPED,
        "tester",
    ):
        assert words in text
    assert "waiting to be sealed" not in text


def test_an_unsealed_event_says_that_it_waits(client: Client, aude: Person) -> None:
    with transaction.atomic():
        event = ledger.record(
            stream="agent/one", action=Action.RUN_QUEUED, actor=Actor.system("tester"), object="run/1"
        )
        client.force_login(aude)
        assert "waiting to be sealed" in page(client, address(event))


def test_an_agents_events_are_a_click_away(client: Client, aude: Person) -> None:
    happen(2)
    client.force_login(aude)
    shown = client.get(listing(Event), {"stream": "agent/one"}).context["cl"].result_count
    assert shown == 2
