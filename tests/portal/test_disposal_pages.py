"""Cases, legal holds, retention, erasure and redaction by clicking."""

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from agents.models import Person
from audits.choices import CaseState
from audits.models import Case, Erasure, Hold, Redaction, RetentionRule
from tests.audits.happenings import happen
from tests.portal.pages import address, page

pytestmark = pytest.mark.django_db(transaction=True)


def post(client: Client, page_name: str, *arguments: object, **form: object) -> str:
    url = reverse(f"admin:{page_name}", args=arguments)
    response = client.post(url, {"_form_submitted": "on", **form}, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def act(client: Client, name: str, row: Model, **form: object) -> str:
    return post(client, name, row.pk, **form)


def test_a_case_and_a_hold_from_beginning_to_end(client: Client, dora: Person, dirk: Person) -> None:
    client.force_login(dora)
    post(client, "audits_case_add", name="Matter", subjects="agent/one\nagent/two")
    case = Case.objects.get()
    assert case.subjects == ["agent/one", "agent/two"]
    act(client, "audits_case_amend", case, subjects="agent/one", reason="fewer")
    post(client, "audits_hold_add", title="Dispute", scope="case", case=case.pk, reason="inquiry")
    hold = Hold.objects.get()
    assert "agent/one" in page(client, address(case))
    assert "only grows" in act(client, "audits_case_amend", case, subjects="agent/two", reason="other")
    assert "does not release it" in act(client, "audits_hold_release", hold, reason="over")
    client.force_login(dirk)
    act(client, "audits_hold_release", hold, reason="settled")
    hold.refresh_from_db()
    assert hold.released_by == dirk.actor.ref
    act(client, "audits_case_close", case, reason="over")
    case.refresh_from_db()
    assert case.state == CaseState.CLOSED
    assert "Amend" not in page(client, address(case))


def test_auditors_place_and_do_not_release(client: Client, aude: Person) -> None:
    client.force_login(aude)
    post(client, "audits_hold_add", title="Dispute", scope="everything", reason="inquiry")
    hold = Hold.objects.get()
    url = reverse("admin:audits_hold_release", args=[hold.pk])
    assert client.post(url, {"_form_submitted": "on", "reason": "over"}).status_code == 403
    for closed in ("audits_erasure_add", "audits_redaction_add", "audits_redaction_quoted"):
        assert client.get(reverse(f"admin:{closed}")).status_code == 403


def test_a_rule_is_changed_with_a_reason(client: Client, dora: Person) -> None:
    client.force_login(dora)
    rule = RetentionRule.objects.get(framework="PCI_DSS")
    act(client, "audits_retentionrule_set_rule", rule, days=400, source="our counsel", reason="a contract")
    post(client, "audits_retentionrule_add", framework="DORA", days=1825, source="counsel", reason="applies")
    assert dict(RetentionRule.objects.filter(days__in=(400, 1825)).values_list("framework", "days")) == {
        "PCI_DSS": 400,
        "DORA": 1825,
    }
    listed = page(client, reverse("admin:audits_retentionrule_changelist"))
    assert "not legal advice" in listed
    assert "nothing can be pruned yet" in listed


def test_a_person_is_erased_and_the_quotations_redacted(client: Client, dora: Person, oscar: Person) -> None:
    client.force_login(dora)
    subject = f"person/{oscar.pk}"
    [event] = happen(1, stream="agent/one", body={"note": "Oscar Outsider called"})
    found = post(client, "audits_redaction_quoted", subject=subject)
    assert str(event.pk) in found
    asked = post(client, "audits_redaction_add", events=[str(event.pk)])
    assert str(event.pk) in asked
    assert not Redaction.objects.exists()
    post(client, "audits_redaction_add", events=str(event.pk), reason="named somebody")
    assert Redaction.objects.get().event_id == event.pk
    done = post(client, "audits_erasure_add", subject=subject, reason="Article 17", request_reference="R-1")
    assert "Oscar" not in done
    erasure = Erasure.objects.get()
    assert (erasure.object, erasure.details["request"]) == (subject, "R-1")
    assert "R-1" in page(client, address(erasure))
    assert "no name any more" in post(client, "audits_redaction_quoted", subject=subject)


def test_a_person_is_erased_on_their_own_page(
    client: Client, dora: Person, oscar: Person, aude: Person
) -> None:
    client.force_login(dora)
    assert "Erase" in page(client, address(oscar))
    act(client, "agents_person_erase", oscar, reason="Article 17")
    assert "Outsider" not in page(client, address(oscar))
    client.force_login(aude)
    url = reverse("admin:agents_person_erase", args=[aude.pk])
    assert client.post(url, {"_form_submitted": "on", "reason": "x"}).status_code == 403
