"""Enforcement points: registered, rotated and revoked, by people in the admin and by command."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from agents import bearer
from agents.models import Person
from audits.errors import Conflict, Denied, Invalid
from governance.models import EnforcementPoint
from governance.services import enforcement_points
from governance.services.enforcement_points import POINTS
from tests.authzen.asking import EVALUATION, QUESTION, SYSTEM, Asker
from tests.governance.story import events

pytestmark = pytest.mark.django_db
LIST = "admin:governance_enforcementpoint_changelist"


def test_its_life_is_recorded(ada: Person) -> None:
    point, first = enforcement_points.add(actor=ada.actor, name="crm-gateway")
    second = enforcement_points.rotate(actor=SYSTEM, point=point)
    enforcement_points.revoke(actor=ada.actor, point=point)
    point.refresh_from_db()
    assert first != second
    assert (point.created_by, point.rotated_by, point.revoked_by) == (
        ada.actor.ref,
        SYSTEM.ref,
        ada.actor.ref,
    )
    for verb in ("added", "rotated", "revoked"):
        (event,) = events(f"enforcement_point.{verb}")
        assert event.object == f"enforcement_point/{point.pk}"
    assert [row.number for row in point.history.order_by("number")] == [1, 2, 3]


@pytest.mark.parametrize("name", ["", "CRM", "crm_gateway", "-crm", "crm--x", "crm\n", "a" * 65, "é"])
def test_a_name_is_plain(name: str) -> None:
    with pytest.raises(Invalid):
        enforcement_points.add(actor=SYSTEM, name=name)


def test_a_name_is_given_once() -> None:
    enforcement_points.add(actor=SYSTEM, name="crm")
    with pytest.raises(Conflict):
        enforcement_points.add(actor=SYSTEM, name="crm")


def test_a_revoked_one_does_not_come_back() -> None:
    point, _ = enforcement_points.add(actor=SYSTEM, name="crm")
    enforcement_points.revoke(actor=SYSTEM, point=point)
    with pytest.raises(Conflict):
        enforcement_points.rotate(actor=SYSTEM, point=point)
    with pytest.raises(Conflict):
        enforcement_points.revoke(actor=SYSTEM, point=point)


def test_only_administrators_manage_them(olivia: Person) -> None:
    point, _ = enforcement_points.add(actor=SYSTEM, name="crm")
    with pytest.raises(Denied):
        enforcement_points.add(actor=olivia.actor, name="mine")
    with pytest.raises(Denied):
        enforcement_points.rotate(actor=olivia.actor, point=point)
    with pytest.raises(Denied):
        enforcement_points.revoke(actor=olivia.actor, point=point)
    for verb in ("added", "rotated", "revoked"):
        assert len(events(f"enforcement_point.{verb}", "denied")) == 1


def test_no_two_credentials_are_alike() -> None:
    point, _ = enforcement_points.add(actor=SYSTEM, name="crm")
    made = {bearer.make(POINTS.prefix, point.pk).secret for _ in range(1_000)}
    assert len(made) == 1_000
    assert {len(secret) for secret in made} == {43}


def test_the_command_prints_the_credential_and_nothing_else() -> None:
    said = StringIO()
    call_command("enforcement_point", "add", "crm", stdout=said)
    credential = bearer.read(POINTS.prefix, said.getvalue().strip())
    assert credential is not None
    point = EnforcementPoint.objects.get(name="crm")
    assert bearer.matches(credential.secret, point.credential_sha256)
    said = StringIO()
    call_command("enforcement_point", "rotate", "crm", stdout=said)
    point.refresh_from_db()
    assert bearer.matches(said.getvalue().strip().split("_", 2)[2], point.credential_sha256)
    call_command("enforcement_point", "revoke", "crm", stdout=StringIO())
    said = StringIO()
    call_command("enforcement_point", "list", stdout=said)
    assert said.getvalue() == "crm\trevoked\tnever seen\n"


@pytest.mark.parametrize("arguments", [("add", "CRM"), ("rotate", "nobody"), ("revoke", "nobody")])
def test_the_command_says_what_is_wrong(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        call_command("enforcement_point", *arguments)


def credential_on(html: str) -> str:
    start = html.index(f"{POINTS.prefix}_")
    return html[start : start + len(POINTS.prefix) + 34 + 43]


def test_the_admin_shows_a_credential_once(client: Client, ada: Person, certified: object) -> None:
    client.force_login(ada)
    page = client.post(reverse("admin:governance_enforcementpoint_add"), {"name": "crm"}, follow=True)
    asker = Asker("another")
    asker.credential = credential_on(page.content.decode())
    assert asker.decides()
    again = client.get(page.request["PATH_INFO"]).content.decode()
    assert f"{POINTS.prefix}_" not in again
    assert asker.credential not in client.get(reverse(LIST)).content.decode()


def test_the_admin_rotates_and_revokes(client: Client, ada: Person, certified: object) -> None:
    client.force_login(ada)
    asker = Asker()
    page = reverse("admin:governance_enforcementpoint_change", args=[asker.point.pk])
    url = reverse("admin:governance_enforcementpoint_rotate", args=[asker.point.pk])
    client.post(url, {"_form_submitted": "on"})
    asker.refuses(EVALUATION, QUESTION, status=401)
    asker.credential = credential_on(client.get(page).content.decode())
    assert asker.decides()
    client.post(
        reverse("admin:governance_enforcementpoint_revoke", args=[asker.point.pk]), {"_form_submitted": "on"}
    )
    asker.refuses(EVALUATION, QUESTION, status=401)


def test_others_than_administrators_only_look(client: Client, aude: Person) -> None:
    client.force_login(aude)
    asker = Asker()
    assert client.get(reverse(LIST)).status_code == 200
    assert client.get(reverse("admin:governance_enforcementpoint_add")).status_code == 403
    url = reverse("admin:governance_enforcementpoint_revoke", args=[asker.point.pk])
    client.post(url, {"_form_submitted": "on"})
    asker.point.refresh_from_db()
    assert asker.point.revoked_at is None


def test_the_pages_of_policies_and_decisions(
    client: Client, ada: Person, certified: object, asker: Asker
) -> None:
    client.force_login(ada)
    asker.decides(subject={"type": "user", "id": "alice<script>"})
    for model in ("policyversion", "decision"):
        listed = client.get(reverse(f"admin:governance_{model}_changelist"))
        assert listed.status_code == 200
        assert b"<script>alice" not in listed.content
    version = certified.pk  # type: ignore[attr-defined]
    shown = client.get(reverse("admin:governance_policyversion_change", args=[version])).content.decode()
    assert "the-archive-is-closed" in shown
    decision = asker.ask(EVALUATION, QUESTION)["context"]["evaluation_id"]
    page = client.get(reverse("admin:governance_decision_change", args=[decision])).content.decode()
    assert "crm-gateway" in page
    assert "user/alice" in page
