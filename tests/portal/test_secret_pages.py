"""Secrets in the portal: added, allowed, rotated, breached and ended by clicking; no page has a value."""

from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from agents.models import Agent, Person, SecretReference, SecretRotation, SecretUse
from agents.services import secret_references, secrets
from audits.models import Event
from tests.agents.secret_story import CALL, CANARY, OPERATOR, allowed, facts, file_secret
from tests.governance.story import start_instance
from tests.portal.pages import address, listing, page
from tests.portal.test_dependency_pages import HTMX, SENT, signed_in, words

pytestmark = pytest.mark.django_db
ADD = "/admin/agents/secretreference/add/"


@pytest.fixture
def folder(settings: LazySettings, tmp_path: Path) -> Path:
    settings.SECRETS_DIR = str(tmp_path)
    (tmp_path / "crm").write_text(CANARY)
    return tmp_path


def action(secret: SecretReference, name: str) -> str:
    return reverse(f"admin:agents_secretreference_{name}", args=[secret.pk])


def press(client: Client, secret: SecretReference, name: str, **given: str) -> str:
    return client.post(action(secret, name), SENT | given, headers=HTMX).content.decode()


def test_an_administrator_adds_one_and_lets_an_agent_use_it(
    ada: Person, olivia: Person, active_analyst: Agent, folder: Path
) -> None:
    client = signed_in(ada)
    given = {
        "slug": "crm", "uri": f"file://{folder}/crm", "purpose": "Reads customers.", "owner": str(olivia.pk),
        "rotator": "person", "rotate_days": "30", "rotate_on": ["person_left"], "overlap_hours": "1",
    }  # fmt: skip
    wrong = client.post(ADD, given | {"uri": "keepass://crm"}).content.decode()
    assert "The scheme keepass is not supported" in wrong
    assert client.post(ADD, given)["Location"] == address(SecretReference.objects.get())
    secret = SecretReference.objects.get()
    asked = {"agent": active_analyst.slug, "action": CALL.action, "resource": CALL.resource}
    press(client, secret, "allow", **asked)
    use = SecretUse.objects.get()
    assert "may use" in press(client, secret, "allow", **asked)  # twice is once
    changed = {name: value for name, value in given.items() if name != "slug"}
    press(client, secret, "change_facts", **changed | {"purpose": "Reads more."})  # type: ignore[arg-type]
    secret.refresh_from_db()
    assert secret.purpose == "Reads more."
    press(client, secret, "disallow", use=str(use.pk))
    use.refresh_from_db()
    assert use.ended_at is not None


def test_its_owner_rotates_confirms_breaches_and_ends_it(
    olivia: Person, active_analyst: Agent, folder: Path
) -> None:
    said = facts(olivia, f"file://{folder}/crm", overlap_hours=0)
    secret = allowed(secret_references.add(actor=OPERATOR, slug="crm", facts=said), active_analyst)
    with secrets.get_secret(reference="crm", instance=start_instance(active_analyst), task=CALL):
        pass
    client = signed_in(olivia)
    shown = words(page(client, address(secret)))
    assert "Rotate now" in shown
    assert "I have rotated it" not in shown
    assert "What goes for it from now on" not in shown  # where it is, only administrators change
    press(client, secret, "rotate_now")
    assert "I have rotated it" in words(page(client, address(secret)))
    assert "Secrets to rotate" in words(page(client, reverse("admin:waiting")))
    press(client, secret, "confirm_rotation", note="Made in the CRM.")
    assert SecretRotation.objects.get().state == "done"
    press(client, secret, "declare_breached", what="It was in a log.")
    assert "Breached" in words(page(client, listing(SecretReference)))
    press(client, secret, "end_leases")
    press(client, secret, "end_secret", reason="It moved.")
    secret.refresh_from_db()
    assert secret.ended_at is not None
    assert "Rotate now" not in words(page(client, address(secret)))
    assert CANARY not in page(client, address(secret))


def test_who_does_not_keep_it_sees_no_button_and_is_refused(
    olivia: Person, aude: Person, settings: LazySettings, tmp_path: Path
) -> None:
    secret = file_secret(olivia, settings, tmp_path)
    client = signed_in(aude)
    assert "Rotate now" not in words(page(client, address(secret)))
    assert client.get(ADD).status_code == 403
    for name, given in (
        ("rotate_now", {}),
        ("declare_breached", {"what": "I say so."}),
        ("end_leases", {}),
        ("end_secret", {"reason": "I say so."}),
        ("change_facts", {}),
    ):
        client.post(action(secret, name), SENT | given, headers=HTMX)
    secret.refresh_from_db()
    assert (secret.ended_at, secret.breached_at) == (None, None)
    assert not SecretRotation.objects.exists()
    assert not Event.objects.filter(action__startswith="secret.", outcome="success").exclude(
        action="secret.added"
    )


def test_a_list_is_narrowed_by_store_and_state(ada: Person, settings: LazySettings, tmp_path: Path) -> None:
    file_secret(ada, settings, tmp_path)
    client = signed_in(ada)
    for query, hits in (
        ("store=file", 1),
        ("store=vault", 0),
        ("state=live", 1),
        ("state=due", 0),
        ("q=nvd", 1),
    ):
        answered = client.get(f"{listing(SecretReference)}?{query}")
        assert answered.context["cl"].result_count == hits, query
