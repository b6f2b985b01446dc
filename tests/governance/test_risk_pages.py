"""The questionnaire, the classes and an override, by clicking."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from agents.models import Agent, AgentVersion, Person
from governance import risk_comparison, risk_selectors, selectors
from governance.choices import ApprovalState
from governance.models import Approval, RiskAssessment, RiskClass
from governance.services import risk
from tests.conftest import ANSWERS
from tests.governance.story import cast, events
from tests.governance.test_admin import html, page, sign_in, submit

pytestmark = pytest.mark.django_db
HARMLESS = {question.id: question.options[0].id for question in risk.QUESTIONS}


def hidden(text: str, name: str) -> str:
    """What a hidden field of the page says."""
    field = text[text.index(f'name="{name}"') :]
    field = field[: field.index(">")]
    return field.partition('value="')[2].partition('"')[0]


# --- The questionnaire --------------------------------------------------------------------------------
def test_an_owner_sees_what_follows_before_it_is_saved(
    olivia: Person, analyst: Agent, analyst_version: AgentVersion
) -> None:
    client = sign_in(olivia)
    address = f"{page('riskassessment_add')}?agent={analyst.pk}"
    assert "Vulnerability analyst" in html(client, address)
    values = HARMLESS | {"agent": str(analyst.pk)}
    text = client.post(address, values).content.decode()
    assert not RiskAssessment.objects.exists()
    assert "What this class demands" in text
    assert "Security checklist" in text
    assert "The register says: It acts on a person" in text
    assert "open_ticket" in text
    response = client.post(address, values | {"shown": hidden(text, "shown")})
    made = RiskAssessment.objects.get()
    assert response.headers["Location"] == page("riskassessment_change", made.pk)
    assert made.risk_class_id == "low"


def test_other_answers_than_those_shown_are_shown_first(olivia: Person, analyst: Agent) -> None:
    client = sign_in(olivia)
    values = HARMLESS | {"agent": str(analyst.pk)}
    shown = hidden(client.post(page("riskassessment_add"), values).content.decode(), "shown")
    changed = values | {"scale": "public", "shown": shown}
    assert "What follows" in client.post(page("riskassessment_add"), changed).content.decode()
    assert not RiskAssessment.objects.exists()


def test_the_answers_that_stand_are_filled_in(olivia: Person, analyst: Agent) -> None:
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    text = html(sign_in(olivia), f"{page('riskassessment_add')}?agent={analyst.pk}")
    assert text.count(" checked") == len(ANSWERS)


def test_a_missing_answer_is_said(olivia: Person, analyst: Agent) -> None:
    response = sign_in(olivia).post(page("riskassessment_add"), {"agent": str(analyst.pk)})
    assert "This field is required" in response.content.decode()


@pytest.mark.parametrize("who", ["sasha", "aude", "oscar"])
def test_others_do_not_assess(who: str, analyst: Agent, request: pytest.FixtureRequest) -> None:
    client = sign_in(request.getfixturevalue(who))
    assert client.get(page("riskassessment_add")).status_code == 403
    assert client.post(page("riskassessment_add"), HARMLESS | {"agent": str(analyst.pk)}).status_code == 403


def test_an_owner_does_not_assess_anothers_agent(olivia: Person, daniel: Person, analyst: Agent) -> None:
    analyst.deputies.clear()
    response = sign_in(daniel).post(page("riskassessment_add"), HARMLESS | {"agent": str(analyst.pk)})
    assert response.status_code == 200
    assert not RiskAssessment.objects.exists()


@pytest.mark.parametrize(
    ("answers", "register", "wrong"),
    [
        ({"autonomy": "alone"}, {"autonomy": "asks"}, {"autonomy"}),
        ({"autonomy": "asks"}, {"autonomy": "asks"}, set()),
        ({"data_sensitivity": "public"}, {"categories": ["Patient health records"]}, {"data_sensitivity"}),
        ({"data_sensitivity": "confidential"}, {"categories": ["card numbers"]}, {"data_sensitivity"}),
        ({"data_sensitivity": "special"}, {"categories": ["card numbers"]}, set()),
        ({"data_sensitivity": "internal"}, {"categories": ["customer orders"]}, {"data_sensitivity"}),
        ({"data_sensitivity": "public"}, {"categories": ["weather"]}, set()),
        (
            {"external_action": "reads"},
            {"functions": [{"name": "x", "access": "write"}]},
            {"external_action"},
        ),
        ({"external_action": "writes_inside"}, {"functions": [{"name": "x", "access": "write"}]}, set()),
        ({"external_action": "reads"}, {"functions": "nonsense"}, set()),
    ],
)
def test_the_register_is_compared(answers: dict[str, str], register: dict[str, Any], wrong: set[str]) -> None:
    told: dict[str, Any] = {"autonomy": answers.get("autonomy", "asks"), "categories": [], "functions": []}
    assert set(risk_comparison.disagreements(answers, **(told | register))) == wrong


# --- The classes --------------------------------------------------------------------------------------
def sent(level: str = "medium", **other: Any) -> dict[str, Any]:
    figures = risk_selectors.figures_of(RiskClass.objects.get(level=level)) | other
    figures["rollout_steps"] = ", ".join(map(str, figures["rollout_steps"]))
    return {name: value for name, value in figures.items() if value not in ([], False)}


def test_an_administrator_sees_whom_a_change_affects_then_saves_exactly_that(
    ada: Person, olivia: Person, analyst: Agent
) -> None:
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    client, address = sign_in(ada), page("riskclass_edit", "medium")
    assert address in html(client, page("riskclass_change", "medium"))
    assert "Show whom it affects" in html(client, address)
    text = client.post(address, sent(assessment_max_days=200)).content.decode()
    assert RiskClass.objects.get(level="medium").assessment_max_days == 365
    for words in ("365 days", "200 days", "Vulnerability analyst", "none is signed", "Save exactly this"):
        assert words in text, words
    response = client.post(address, sent(assessment_max_days=200) | {"digest": hidden(text, "digest")})
    assert response.headers["Location"] == page("riskclass_change", "medium")
    assert RiskClass.objects.get(level="medium").assessment_max_days == 200
    assert len(events("risk_class.changed")) == 1


def test_figures_that_differ_from_those_shown_are_shown_anew(ada: Person) -> None:
    client, address = sign_in(ada), page("riskclass_edit", "medium")
    digest = hidden(client.post(address, sent(assessment_max_days=200)).content.decode(), "digest")
    text = client.post(address, sent(assessment_max_days=300) | {"digest": digest}).content.decode()
    assert "have changed meanwhile" in text
    assert "300 days" in text
    again = client.post(address, sent(assessment_max_days=300) | {"digest": hidden(text, "digest")})
    assert again.status_code == 302


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rollout_steps": ["ten", 100]}, "Whole percentages"),
        ({"rollout_steps": [50, 25]}, "rise, the last one 100"),
        ({"retention_days": 9}, "a graver class never demands less"),
        ({}, "Nothing differs"),
    ],
)
def test_what_is_no_class_is_said(wrong: dict[str, Any], words: str, ada: Person) -> None:
    text = sign_in(ada).post(page("riskclass_edit", "medium"), sent(**wrong)).content.decode()
    assert words in text
    assert hidden(text, "digest") == ""


@pytest.mark.parametrize("who", ["olivia", "sasha", "aude"])
def test_others_do_not_change_classes(who: str, request: pytest.FixtureRequest) -> None:
    client = sign_in(request.getfixturevalue(who))
    address = page("riskclass_edit", "medium")
    assert client.get(address).status_code == 403
    assert client.post(address, sent(assessment_max_days=200)).status_code == 403


def test_an_old_sign_in_is_confirmed_and_what_was_typed_is_kept(ada: Person, settings: Any) -> None:
    client, address = sign_in(ada), page("riskclass_edit", "medium")
    settings.REAUTHENTICATION_SECONDS = 0
    for response in (client.get(address), client.post(address, sent(assessment_max_days=200))):
        assert response.headers["Location"].startswith(reverse("confirm"))
    settings.REAUTHENTICATION_SECONDS = 300
    assert 'value="200"' in html(client, address)


# --- Overriding ---------------------------------------------------------------------------------------
def ask(client: Client, agent: Agent, level: str = "low") -> Any:
    latest = selectors.latest_assessment(agent)
    assert latest is not None
    address = page("riskassessment_request_override", latest.pk)
    return submit(client, address, level=level, reason="Its reports are public.")


def test_an_owner_asks_for_another_class_and_the_board_reads_it(
    olivia: Person, analyst: Agent, members: list[Person]
) -> None:
    made = risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    client = sign_in(olivia)
    assert page("riskassessment_request_override", made.pk) in html(
        client, page("riskassessment_change", made.pk)
    )
    response = ask(client, analyst)
    approval = Approval.objects.get()
    assert response.headers["Location"] == page("approval_change", approval.pk)
    text = html(sign_in(members[0]), page("approval_change", approval.pk))
    for words in (
        "Its reports are public.",
        "Until the questionnaire is answered anew",
        "Untrusted",
    ):
        assert words in text, words
    for member in members:
        approval.refresh_from_db()
        if approval.state == ApprovalState.PENDING:
            cast(member, approval)
    newest = selectors.latest_assessment(analyst)
    assert newest is not None
    text = html(client, page("riskassessment_change", newest.pk))
    assert "by a vote" in text
    assert page("approval_change", approval.pk) in text
    assert "by a vote of the board" in html(client, reverse("admin:agents_agent_change", args=[analyst.pk]))
    assert page("riskassessment_request_override", made.pk) not in html(
        client, page("riskassessment_change", made.pk)
    )


def test_the_same_class_is_refused_at_its_field(olivia: Person, analyst: Agent) -> None:
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    assert "It has this class already" in ask(sign_in(olivia), analyst, "medium").content.decode()


def test_others_do_not_ask(sasha: Person, olivia: Person, analyst: Agent) -> None:
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    assert "Only the agent" in ask(sign_in(sasha), analyst).content.decode()
    assert not Approval.objects.exists()
