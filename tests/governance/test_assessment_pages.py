"""The pages of assessments: begun, written, read, signed, and shown on the agent's page."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from agents.models import Agent, AgentVersion, Person
from audits.models import Event
from governance import impact_content
from governance.choices import AssessmentKind, AssessmentState, MitigationState
from governance.models import ImpactAssessment, Mitigation
from governance.services import assessments, risk
from tests.conftest import ANSWERS
from tests.governance.papers import filled, signed
from tests.governance.test_admin import html, page, sign_in, submit
from tests.portal.work import HOSTILE

pytestmark = pytest.mark.django_db
PRIVACY, SECURITY = AssessmentKind.PRIVACY, AssessmentKind.SECURITY
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


def write_page(draft: ImpactAssessment) -> str:
    return page("impactassessment_write", draft.pk)


def post(client: Client, draft: ImpactAssessment, **values: Any) -> Any:
    return client.post(write_page(draft), {"revision": str(draft.revision), **values})


def test_an_owner_begins_and_writes(olivia: Person, analyst: Agent, analyst_version: AgentVersion) -> None:
    client = sign_in(olivia)
    address = f"{page('impactassessment_add')}?agent={analyst.pk}&kind=privacy"
    assert "Begin an assessment" in html(client, address)
    assert not ImpactAssessment.objects.exists()
    client.post(page("impactassessment_add"), {"agent": str(analyst.pk), "kind": "privacy"})
    draft = ImpactAssessment.objects.get()
    assert write_page(draft) in html(client, page("impactassessment_change", draft.pk))
    text = html(client, write_page(draft))
    assert analyst.purpose in text
    assert "Whose data is it?" in text
    values = {
        "processing.purpose": "To fix things.",
        "processing.subjects": "Staff\n\nVisitors\n",
        "basis.lawful_basis": "interests",
        "flows.table.0.source": "Scanner",
        "flows.table.0.target": "Analyst",
        "flows.table.7.source": "Further down",
        "plan.0.risk": "Leak",
        "plan.0.owner": "olivia",
        "plan.0.due": "2099-01-01",
    }
    response = post(client, draft, **values)
    assert response.headers["Location"] == write_page(draft)
    draft.refresh_from_db()
    assert draft.answers["processing"] == {"purpose": "To fix things.", "subjects": ["Staff", "Visitors"]}
    assert draft.answers["basis"] == {"lawful_basis": "interests"}
    assert draft.answers["flows"]["table"] == [
        {"source": "Scanner", "target": "Analyst"},
        {"source": "Further down"},
    ]
    assert draft.plan == [{"risk": "Leak", "measure": "", "owner": str(olivia.pk), "due": "2099-01-01"}]
    assert "Row 1 lacks" in html(client, write_page(draft))


def test_opening_the_form_changes_nothing(olivia: Person, analyst: Agent) -> None:
    draft = assessments.begin(actor=olivia, agent=analyst, kind=SECURITY)
    client = sign_in(olivia)
    before = Event.objects.count()
    html(client, write_page(draft))
    draft.refresh_from_db()
    assert (draft.revision, Event.objects.count()) == (0, before)


def test_a_checklist_is_answered_with_remarks(olivia: Person, analyst: Agent) -> None:
    draft = assessments.begin(actor=olivia, agent=analyst, kind=AssessmentKind.SECURITY_CHECKLIST)
    client = sign_in(olivia)
    values = {"input.injection.answer": "no", "input.injection.remark": "Planned for May.", "read": "1"}
    response = post(client, draft, **values)
    assert response.headers["Location"] == page("impactassessment_change", draft.pk)
    draft.refresh_from_db()
    assert draft.answers == {"input": {"injection": {"answer": "no", "remark": "Planned for May."}}}
    assert "No. Planned for May." in html(client, page("impactassessment_change", draft.pk))


def test_what_somebody_saved_meanwhile_is_not_overwritten_and_nothing_typed_is_lost(
    olivia: Person, daniel: Person, analyst: Agent
) -> None:
    draft = assessments.begin(actor=olivia, agent=analyst, kind=PRIVACY)
    post(sign_in(daniel), draft, **{"processing.purpose": "Daniel's."})
    response = post(sign_in(olivia), draft, **{"processing.purpose": "Olivia's."})
    text = response.content.decode()
    assert "Daniel Deputy has saved it meanwhile" in text
    assert "Olivia&#x27;s." in text


def test_an_owner_that_nobody_is_is_named(olivia: Person, analyst: Agent) -> None:
    draft = assessments.begin(actor=olivia, agent=analyst, kind=PRIVACY)
    response = post(sign_in(olivia), draft, **{"plan.0.risk": "Leak", "plan.0.owner": "nobody"})
    assert "there is no such person" in response.content.decode()


@pytest.mark.parametrize("who", ["sasha", "aude", "oscar"])
def test_others_do_not_get_the_form(
    who: str, olivia: Person, analyst: Agent, request: pytest.FixtureRequest
) -> None:
    draft = assessments.begin(actor=olivia, agent=analyst, kind=SECURITY)
    client = sign_in(request.getfixturevalue(who))
    assert client.get(write_page(draft)).status_code in {302, 403}
    assert post(client, draft, **{"blast.stop": "Nobody."}).status_code in {302, 403}
    draft.refresh_from_db()
    assert draft.revision == 0


def test_what_is_signed_has_no_form(olivia: Person, sasha: Person, analyst: Agent) -> None:
    made = signed(olivia, sasha, analyst, SECURITY)
    response = sign_in(olivia).get(write_page(made))
    assert response.headers["Location"] == page("impactassessment_change", made.pk)


def test_the_page_says_what_is_missing(olivia: Person, sasha: Person, analyst: Agent) -> None:
    draft = assessments.begin(actor=olivia, agent=analyst, kind=SECURITY)
    text = html(sign_in(sasha), page("impactassessment_change", draft.pk))
    assert "A draft, not signed yet." in text
    assert "Who can stop it, how, and how is what it did undone? This has to be answered." in text
    assert write_page(draft) not in text


def test_another_person_signs_what_the_page_shows(olivia: Person, sasha: Person, analyst: Agent) -> None:
    draft = filled(olivia, analyst, SECURITY)
    digest = impact_content.digest_of(impact_content.described(draft))
    client, address = sign_in(sasha), page("impactassessment_change", draft.pk)
    assert page("impactassessment_sign", draft.pk) in html(client, address)
    assert digest in html(client, page("impactassessment_sign", draft.pk))
    draft.refresh_from_db()
    assert draft.state == AssessmentState.DRAFT
    assert submit(client, page("impactassessment_sign", draft.pk), digest=digest).status_code == 302
    text = html(client, address)
    assert digest in text
    assert "Sasha Security, in the seat Security" in text
    assert "Untrusted text from" in text
    assert page("impactassessment_sign", draft.pk) not in text


def test_a_stale_page_does_not_sign(olivia: Person, sasha: Person, analyst: Agent) -> None:
    draft = filled(olivia, analyst, SECURITY)
    response = submit(sign_in(sasha), page("impactassessment_sign", draft.pk), digest="0" * 64)
    assert "not what you were shown" in response.content.decode()


def test_the_writer_reads_why_they_do_not_sign(olivia: Person, sasha: Person, analyst: Agent) -> None:
    draft = filled(olivia, analyst, SECURITY)
    client = sign_in(olivia)
    text = html(client, page("impactassessment_change", draft.pk))
    assert "It is complete and waits for its signature." in text
    assert page("impactassessment_sign", draft.pk) not in text
    response = submit(client, page("impactassessment_sign", draft.pk), digest="0" * 64)
    assert "Nobody signs what they wrote" in response.content.decode()


def test_an_old_sign_in_is_confirmed_before_signing(
    olivia: Person, sasha: Person, analyst: Agent, settings: Any
) -> None:
    settings.REAUTHENTICATION_SECONDS = 0
    draft = filled(olivia, analyst, SECURITY)
    text = html(sign_in(sasha), page("impactassessment_sign", draft.pk))
    assert reverse("confirm") in text


def test_the_next_one_shows_what_has_changed(olivia: Person, sasha: Person, analyst: Agent) -> None:
    signed(olivia, sasha, analyst, SECURITY)
    draft = assessments.begin(actor=olivia, agent=analyst, kind=SECURITY)
    edited = draft.answers | {"blast": draft.answers["blast"] | {"stop": "Anybody."}}
    assessments.write(actor=olivia, assessment=draft, answers=edited, plan=draft.plan, revision=0)
    text = html(sign_in(olivia), page("impactassessment_change", draft.pk))
    assert "What has changed since" in text
    assert "About stop." in text
    assert "Anybody." in text


def test_hostile_answers_stay_text(olivia: Person, sasha: Person, analyst: Agent) -> None:
    draft = filled(olivia, analyst, SECURITY)
    answers = draft.answers
    answers["blast"]["stop"] = HOSTILE
    answers["exfiltration"]["ways"] = [HOSTILE]
    answers["integrations"]["table"][0]["system"] = HOSTILE
    plan = [draft.plan[0] | {"risk": HOSTILE, "measure": HOSTILE}]
    assessments.write(actor=olivia, assessment=draft, answers=answers, plan=plan, revision=draft.revision)
    client = sign_in(olivia)
    for address in (page("impactassessment_change", draft.pk), write_page(draft)):
        text = html(client, address)
        assert ESCAPED in text
        assert "<script>alert(1)" not in text


def test_a_mitigation_is_closed_by_its_owner(olivia: Person, sasha: Person, analyst: Agent) -> None:
    row = signed(olivia, sasha, analyst, SECURITY).mitigations.get()
    close = page("mitigation_close_mitigation", row.pk)
    assert close not in html(sign_in(sasha), page("mitigation_change", row.pk))
    client = sign_in(olivia)
    assert close in html(client, page("mitigation_change", row.pk))
    submit(client, close, note="A filter is in place.")
    row.refresh_from_db()
    assert row.state == MitigationState.DONE
    assert "A filter is in place." in html(client, page("mitigation_change", row.pk))
    assert "Done" in html(client, page("mitigation_changelist"))


def test_a_signed_one_is_withdrawn_by_a_button(olivia: Person, sasha: Person, analyst: Agent) -> None:
    made = signed(olivia, sasha, analyst, SECURITY)
    client = sign_in(olivia)
    submit(client, page("impactassessment_withdraw", made.pk), reason="It forgot a system.")
    made.refresh_from_db()
    assert made.state == AssessmentState.WITHDRAWN
    assert "It forgot a system." in html(client, page("impactassessment_change", made.pk))


def test_altered_bytes_are_said(olivia: Person, sasha: Person, analyst: Agent) -> None:
    from tests.governance.story import tamper

    made = signed(olivia, sasha, analyst, SECURITY)
    tamper(ImpactAssessment.objects.filter(pk=made.pk), content=made.content.replace("Some", "None"))
    assert "Do not rely on this page" in html(sign_in(sasha), page("impactassessment_change", made.pk))


def test_the_agents_page_says_what_its_class_asks_for(olivia: Person, sasha: Person, analyst: Agent) -> None:
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    made = signed(olivia, sasha, analyst, SECURITY)
    address = reverse("admin:agents_agent_change", args=[analyst.pk])
    text = html(sign_in(olivia), address)
    section = text[text.index('id="assessed"') :]
    rows = re.findall(r"<tr>(.*?)</tr>", section[: section.index("</table>")], re.DOTALL)
    privacy, security, card, _ = rows[1:]
    assert "Missing" in privacy
    assert "kind=privacy" in privacy
    assert "Fresh" in security
    assert page("impactassessment_change", made.pk) in security
    assert "Not asked for" in card
    assert "Assess the risk" in section
    assert "Assess the risk" not in html(sign_in(sasha), address)
    assert Mitigation.objects.get().risk in section


def test_a_longer_list_asks_no_more_of_the_database(
    olivia: Person, sasha: Person, ada: Person, django_assert_num_queries: Any
) -> None:
    from tests.governance.test_admin import _queries
    from tests.portal import work

    client = sign_in(ada)
    lists = [page("impactassessment_changelist"), page("mitigation_changelist")]
    counts: list[list[int]] = []
    for number in (1, 9):
        for _ in range(number):
            signed(olivia, sasha, work.agent(olivia), SECURITY)
        counts.append([_queries(client, address) for address in lists])
    assert counts[0] == counts[1]
