"""A secret's value is nowhere but in the call that it is for, and who may not have it does not get it.

Each store is real where one can be started here; the value is a canary that is then searched for.
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import httpx2
import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse
from django.views.debug import ExceptionReporter
from moto import mock_aws

from agents import outbound, secrets
from agents.choices import CallOutcome, FreezeReason
from agents.errors import SecretRefusedError, SecretUnavailableError
from agents.models import (
    Agent,
    AgentInstance,
    Finding,
    Person,
    Run,
    SecretLease,
    SecretReference,
)
from agents.secret_selectors import live_leases
from agents.secrets import SecretValue, StoreError
from agents.services import gateway, lifecycle, secret_references, secret_rotations
from agents.services import secrets as service
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Invalid
from audits.models import Event
from audits.services import bundles, sealing
from governance.services import containments
from tests.agents.conftest import LOG4SHELL, make_finding, make_report
from tests.agents.secret_story import CALL, CANARY, OPERATOR, allowed, facts, file_secret, vault_secret
from tests.agents.stores import STORE_TOKEN, azure_answer, gcp_answer, put, scripted, use_vault
from tests.agents.test_nvd_records import cve
from tests.api.calling import caller
from tests.audits import bundling
from tests.audits.openbao import TOKEN, Bao, bao
from tests.governance.containing import WHY
from tests.governance.story import start_instance, storm

__all__ = ["bao"]
pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")


@pytest.fixture
def copy(active_analyst: Agent) -> AgentInstance:
    return start_instance(active_analyst)


@pytest.fixture
def everywhere(
    bao: Bao, settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """The canary in every kind of store; gives its URIs."""
    use_vault(bao, settings, tmp_path)
    put(bao, "canary", key=CANARY)
    (tmp_path / "token").write_text(STORE_TOKEN)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "canary").write_text(CANARY)
    settings.SECRETS_DIR = str(tmp_path / "secrets")
    settings.SECRET_VARIABLES = ["THE_CANARY"]
    monkeypatch.setenv("THE_CANARY", CANARY)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    settings.AZURE_VAULTS, settings.AZURE_TOKEN_FILE = ["our-vault"], str(tmp_path / "token")
    settings.GCP_TOKEN_FILE = str(tmp_path / "token")
    answers = {
        "/our-vault/secrets/canary?api-version=7.4": azure_answer(CANARY),
        "/v1/projects/our-project/secrets/canary/versions/latest:access": gcp_answer(CANARY),
    }
    with mock_aws(), scripted(answers) as address:
        boto3.client("secretsmanager").create_secret(Name="canary", SecretString=CANARY)
        settings.AZURE_VAULT_URL, settings.GCP_SECRETS_URL = f"{address}/{{vault}}", address
        yield [
            "vault://secret/canary#key",
            "aws-sm://canary",
            "azure-kv://our-vault/canary",
            "gcp-sm://our-project/canary",
            "env://THE_CANARY",
            f"file://{tmp_path}/secrets/canary",
        ]


# --- Nowhere -------------------------------------------------------------------------------------------


def test_no_value_is_left_anywhere(
    everywhere: list[str], copy: AgentInstance, ada: Person, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Every store read at DEBUG, one rotated, one checked, one broken; then everything is searched."""
    caplog.set_level(logging.DEBUG)
    owner = copy.agent.owner
    for number, uri in enumerate(everywhere):
        secret = secret_references.add(actor=OPERATOR, slug=f"s{number}", facts=facts(owner, uri))
        allowed(secret, copy.agent)
        with service.get_secret(reference=secret.slug, instance=copy, task=CALL) as value:
            assert value.reveal() == CANARY
            logging.getLogger("agents").warning("The answer was %s, %r.", value, value)
        secret_references.check(actor=owner.actor, secret=secret)
        secret_rotations.declare_breached(actor=owner.actor, secret=secret, what="It was in a log.")
    sealing.seal()
    assert _in_database() == []
    assert _in_bundle() == []
    assert CANARY not in caplog.text
    client.force_login(ada)
    for secret in SecretReference.objects.all():
        _absent(client, reverse("admin:agents_secretreference_change", args=[secret.pk]))
    for page in ("agents_secretreference", "audits_event", "governance_decision"):
        _absent(client, reverse(f"admin:{page}_changelist"))
    for path in ("secret-references", "secret-leases", "secret-rotations"):
        assert CANARY not in caller(ada).get(path).content.decode()


def test_a_call_carries_its_secret_and_keeps_nothing_of_it(
    bao: Bao, active_analyst: Agent, copy: AgentInstance, settings: LazySettings, tmp_path: Path
) -> None:
    """The gateway's lookup at NVD, with its key in OpenBao: read when the call leaves, and not before."""
    use_vault(bao, settings, tmp_path)
    put(bao, "nvd", key=CANARY)
    allowed(vault_secret(active_analyst.owner, "nvd"), active_analyst)
    settings.NVD_ONLINE, settings.NVD_SECRET = True, "nvd"
    report = make_report()
    run = Run.objects.create(agent=active_analyst, report=report, version=copy.version, instance=copy)
    sent: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.port == int(bao.address.rpartition(":")[2]):
            return _passed_on(request)
        sent.append(request.headers["apiKey"])
        return httpx2.Response(200, json={"vulnerabilities": [{"cve": cve(id=LOG4SHELL)}]})

    with outbound.replaced_by(httpx2.MockTransport(answer)):
        first = _look_up(run, make_finding(report), copy)
        second = _look_up(run, make_finding(report, 1), copy)
    assert (first.outcome, second.outcome) == (CallOutcome.EXECUTED, CallOutcome.EXECUTED)
    assert sent == [CANARY]
    assert SecretLease.objects.get().decision_id == first.decision_id
    assert _in_database() == []


@pytest.mark.parametrize("number", range(6))
def test_no_failure_of_a_store_shows_the_value(
    everywhere: list[str], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The worst moment: the answer is in hand. Neither a traceback with locals nor a debug page has it."""

    def fail(_self: object, text: str) -> None:
        raise ValueError(f"The store said {text}")

    monkeypatch.setattr(SecretValue, "__init__", fail)
    with pytest.raises(StoreError) as failed:
        secrets.read(secrets.parse(everywhere[number]))
    told = traceback.TracebackException.from_exception(failed.value, capture_locals=True)
    assert CANARY not in "".join(told.format())
    reporter = ExceptionReporter(
        RequestFactory().get("/"), type(failed.value), failed.value, failed.value.__traceback__
    )
    page = reporter.get_traceback_html()
    assert "StoreError" in page
    assert CANARY not in page


def test_a_debug_page_in_the_middle_of_a_call_shows_that_there_was_one(
    active_analyst: Agent, copy: AgentInstance, settings: LazySettings, tmp_path: Path
) -> None:
    settings.DEBUG = True
    allowed(file_secret(active_analyst.owner, settings, tmp_path), active_analyst)
    try:
        with service.get_secret(reference="nvd-key", instance=copy, task=CALL) as value:
            value.reveal().index("what is not in it")
    except ValueError:
        page = ExceptionReporter(RequestFactory().get("/"), *sys.exc_info()).get_traceback_html()
    assert "ValueError" in page
    assert CANARY not in page


# --- Not for everybody ---------------------------------------------------------------------------------


def test_a_frozen_agent_gets_nothing(
    active_analyst: Agent, copy: AgentInstance, settings: LazySettings, tmp_path: Path
) -> None:
    allowed(file_secret(active_analyst.owner, settings, tmp_path), active_analyst)
    with service.get_secret(reference="nvd-key", instance=copy, task=CALL):
        pass
    lifecycle.freeze(actor=SYSTEM, agent=active_analyst, reason=FreezeReason.REVIEW)
    assert not SecretLease.objects.filter(ended_at__isnull=True).exists()
    with _refused("decision"), service.get_secret(reference="nvd-key", instance=copy, task=CALL):
        pass


@pytest.mark.parametrize("what", ["agent", "owner", "everything"])
def test_whatever_freezes_it_ends_what_it_holds(
    what: str, copy: AgentInstance, ada: Person, settings: LazySettings, tmp_path: Path
) -> None:
    active_analyst = copy.agent
    allowed(file_secret(active_analyst.owner, settings, tmp_path), active_analyst)
    with service.get_secret(reference="nvd-key", instance=copy, task=CALL):
        pass
    assert live_leases(active_analyst).exists()
    {
        "agent": lambda: containments.freeze_agent(actor=ada, agent=active_analyst, reason=WHY),
        "owner": lambda: containments.freeze_owner(actor=ada, owner=active_analyst.owner, reason=WHY),
        "everything": lambda: containments.freeze_everything(actor=ada, reason=WHY),
    }[what]()
    assert not live_leases(active_analyst).exists()


def test_the_secret_of_another_agent_is_not_given(
    active_analyst: Agent, copy: AgentInstance, settings: LazySettings, tmp_path: Path
) -> None:
    """What the decision point allows is not enough: nobody said that this agent may use it."""
    file_secret(active_analyst.owner, settings, tmp_path, slug="theirs")
    with _refused("use"), service.get_secret(reference="theirs", instance=copy, task=CALL):
        pass
    assert not SecretLease.objects.exists()
    assert Event.objects.get(action=Action.SECRET_READ).outcome == "denied"


@pytest.mark.parametrize(
    "uri",
    [
        "vault://169.254.169.254/latest#meta-data",
        "vault://127.0.0.1:6379/x#y",
        "vault://evil.example.org@secret/x#y",
        "vault://secret/../../v1/sys/seal#x",
        "vault://secret/x?list=true#y",
        "azure-kv://evil/x",
        "azure-kv://our-vault.evil.example.org/x",
        "azure-kv://our-vault/x/../../keys",
        "gcp-sm://metadata.google.internal/x",
        "gcp-sm://our-project/x%2f..%2f..",
        "https://169.254.169.254/latest/meta-data",
        "env://COUNTERSIGN_SECRET_KEY",
        "env://Countersign_Seal_Token_File",
        "env://DATABASE_URL",
        "file:///etc/passwd",
        "file:///proc/self/environ",
    ],
)
def test_no_reference_leads_anywhere_else(
    everywhere: list[str], active_analyst: Agent, settings: LazySettings, uri: str
) -> None:
    """No host, no path upwards, no setting of the portal; a vault only if the operator named it."""
    settings.SECRET_VARIABLES = ["COUNTERSIGN_SECRET_KEY", "Countersign_Seal_Token_File"]
    sent: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(str(request.url))
        return httpx2.Response(200, json={})

    with outbound.replaced_by(httpx2.MockTransport(answer)):
        with pytest.raises(Invalid) as refused:
            secret_references.add(actor=OPERATOR, slug="evil", facts=facts(active_analyst.owner, uri))
        assert list(refused.value.fields) == ["uri"]
        row = SecretReference(slug="evil", uri=uri)  # as if it had come into the table all the same
        with pytest.raises((StoreError, secrets.SecretURIError)):
            secrets.read(secrets.parse(row.uri))
    assert sent == []


@pytest.mark.parametrize("link", ["out", "up/outside"])
def test_a_link_leads_out_of_the_folder_for_nobody(
    active_analyst: Agent, copy: AgentInstance, settings: LazySettings, tmp_path: Path, link: str
) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (tmp_path / "outside").write_text(CANARY)
    (folder / "out").symlink_to(tmp_path / "outside")
    (folder / "up").symlink_to(tmp_path)
    settings.SECRETS_DIR = str(folder)
    said = facts(active_analyst.owner, f"file://{folder}/{link}")
    allowed(secret_references.add(actor=OPERATOR, slug="link", facts=said), active_analyst)
    with (
        pytest.raises(SecretUnavailableError, match="not below"),
        service.get_secret(reference="link", instance=copy, task=CALL),
    ):
        pass


@pytest.mark.django_db(transaction=True)
def test_whoever_asks_while_the_agent_is_frozen_holds_nothing_afterwards(
    active_analyst: Agent, copy: AgentInstance, settings: LazySettings, tmp_path: Path
) -> None:
    """Eight ask, one freezes, all at the same moment: no lease outlives the freeze."""
    allowed(file_secret(active_analyst.owner, settings, tmp_path), active_analyst)

    def ask() -> bool:
        with service.get_secret(reference="nvd-key", instance=copy, task=CALL) as value:
            return value.reveal() == CANARY

    def stop() -> Agent:
        return lifecycle.freeze(actor=SYSTEM, agent=active_analyst, reason=FreezeReason.REVIEW)

    results = storm([*[ask] * 4, stop, *[ask] * 4])
    assert all(one is True or isinstance(one, Agent | SecretRefusedError) for one in results), results
    assert not SecretLease.objects.filter(ended_at__isnull=True).exists()
    assert SecretLease.objects.count() == results.count(True)


@contextmanager
def _refused(code: str) -> Iterator[None]:
    with pytest.raises(SecretRefusedError) as refused:
        yield
    assert refused.value.refusal == code


def _look_up(run: Run, finding: Finding, copy: AgentInstance) -> Any:
    request = gateway.Request(
        run=run,
        finding=finding,
        instance=copy,
        turn=None,
        function="get_vulnerability_info",
        arguments=json.dumps({"cve_id": LOG4SHELL}),
        intent="Find out what the vulnerability means.",
        propose=False,
    )
    return gateway.call(request=request).call


def _passed_on(request: httpx2.Request) -> httpx2.Response:
    with httpx2.Client(trust_env=False) as client:
        answered = client.send(request)
        return httpx2.Response(answered.status_code, content=answered.content)


def _in_database() -> list[str]:
    """The tables that hold the canary, or a token of a store, in whatever column; decrypted events too."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - a name from the database itself
            rows = [
                bytes(cell) if isinstance(cell, memoryview) else cell
                for row in cursor.fetchall()
                for cell in row
            ]
            if _holds(str(rows)):
                found.append(table)
    told = [str(event.details) for event in Event.objects.all()]
    return [*found, *(text for text in told if _holds(text))]


def _in_bundle() -> list[str]:
    """The files of a bundle of the whole ledger that hold it."""
    files = bundling.unpack(bundles.download(actor=SYSTEM, bundle=bundling.build(kind="period")))
    assert len(files) > 5
    return [name for name, content in files.items() if _holds(content.decode(errors="replace"))]


def _holds(text: str) -> bool:
    return any(word in text for word in (CANARY, STORE_TOKEN, TOKEN))


def _absent(client: Client, path: str) -> None:
    answered = client.get(path)
    assert answered.status_code == 200
    assert CANARY not in answered.content.decode()
