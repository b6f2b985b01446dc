"""Stores of secrets: a real OpenBao, moto for AWS, scripted servers for Azure and GCP, variables, files."""

import copy
import json
import pickle
import traceback
from pathlib import Path

import boto3
import httpx2
import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from agents import outbound, secrets
from agents.secrets import SecretURIError, SecretValue, StoreError
from agents.secrets.azure import IDENTITY
from tests.agents.stores import STORE_TOKEN, azure_answer, gcp_answer, put, scripted, use_vault
from tests.audits.openbao import Bao, bao

__all__ = ["bao"]
CANARY = "canary-5c3f9e-value"
TAKEN = (
    "vault://ai-agents/crm/prod#api_key",
    "vault://secret/crm#key?version=3",
    "aws-sm://prod/crm",
    "aws-sm://prod/crm#api_key",
    "azure-kv://our-vault/crm",
    "gcp-sm://our-project/crm",
    "gcp-sm://our-project/crm?version=7",
    "env://CRM_KEY",
    "file:///run/secrets/crm",
)
REFUSED = (
    "",
    CANARY,
    "https://vault.example.org/crm",
    "keepass://crm",
    "vault://secret/crm",
    "vault://user:password@secret/crm#key",
    "vault://secret/../sys/raw#key",
    "vault://secret/crm%2f..%2fsys#key",
    "vault://169.254.169.254:80/latest#key",
    "vault://secret/crm#key?version=latest",
    "vault://secret/crm#key\n",
    "azure-kv://evil.example.org/crm",
    "azure-kv://vault.evil/crm",
    "azure-kv://a#.evil/crm",
    "gcp-sm://../crm",
    "gcp-sm://our-project/crm/versions/1:destroy",
    "env://",
    "env://A=B",
    "env:///etc/passwd",
    "file://host/run/secrets/crm",
    "file:///run/secrets/../../etc/shadow",
    "file:///run/secrets/%2e%2e/shadow",
    "vault://secret/" + "a" * 500 + "#key",
)


@pytest.fixture
def vault(bao: Bao, settings: LazySettings, tmp_path: Path) -> Bao:
    use_vault(bao, settings, tmp_path)
    return bao


def value_at(text: str) -> str:
    stored = secrets.read(secrets.parse(text))
    return stored.value.reveal()


@pytest.mark.parametrize("text", TAKEN)
def test_a_uri_is_read(text: str) -> None:
    assert str(secrets.parse(text)) == text


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_uri_of_a_secret_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(SecretURIError) as refused:
        secrets.parse(text)
    assert CANARY not in str(refused.value)
    assert "password" not in str(refused.value)


@given(st.text(max_size=600))
def test_no_text_breaks_the_parser(text: str) -> None:
    for prefix in ("", "vault://", "aws-sm://", "azure-kv://", "gcp-sm://", "env://", "file:///"):
        try:
            uri = secrets.parse(prefix + text)
        except SecretURIError:
            continue
        assert ".." not in uri.name.split("/")
        assert "\n" not in uri.name


def test_a_value_shows_itself_to_nobody() -> None:
    value = SecretValue(CANARY)
    shown = (repr(value), str(value), f"{value}", f"{value:>40}", f"{[value]}", f"{value!r}")
    assert not any(CANARY in text for text in shown)
    assert not hasattr(value, "__dict__")
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(value)
    with pytest.raises(TypeError):
        json.dumps(value)
    with value:
        assert value.reveal() == CANARY
    with pytest.raises(RuntimeError, match="dropped"):
        value.reveal()


def test_openbao_gives_a_field_and_says_which_version(vault: Bao) -> None:
    put(vault, "counted", api_key="first", other="x")
    put(vault, "counted", api_key=CANARY, other="x")
    stored = secrets.read(secrets.parse("vault://secret/counted#api_key"))
    assert (stored.value.reveal(), stored.version) == (CANARY, "2")
    assert value_at("vault://secret/counted#api_key?version=1") == "first"


def test_openbao_is_written_with_check_and_set_and_old_versions_are_destroyed(vault: Bao) -> None:
    put(vault, "rotated", api_key="old", other="stays")
    uri = secrets.parse("vault://secret/rotated#api_key")
    assert secrets.writes(uri)
    assert secrets.write(uri, SecretValue("new"), over="1", token="t") == "2"
    assert value_at("vault://secret/rotated#other") == "stays"
    with pytest.raises(StoreError, match="by now"):
        secrets.write(uri, SecretValue("newer"), over="1", token="t")
    assert value_at("vault://secret/rotated#api_key?version=1") == "old"
    secrets.destroy(uri, "1")
    with pytest.raises(StoreError, match="no such version"):
        value_at("vault://secret/rotated#api_key?version=1")
    assert value_at("vault://secret/rotated#api_key") == "new"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("vault://secret/absent#key", "has nothing there"),
        ("vault://secret/present#absent", "no text in the field"),
        ("vault://elsewhere/present#key", "nothing there|may not"),
    ],
)
def test_openbao_says_what_is_not_there(vault: Bao, text: str, says: str) -> None:
    put(vault, "present", key=CANARY)
    with pytest.raises(StoreError, match=says):
        value_at(text)


def test_openbao_refuses_a_token_that_may_not(vault: Bao, settings: LazySettings, tmp_path: Path) -> None:
    put(vault, "crm", key=CANARY)
    (tmp_path / "other").write_text("no-such-token")
    settings.VAULT_TOKEN_FILE = str(tmp_path / "other")
    with pytest.raises(StoreError, match="may not do that"):
        value_at("vault://secret/crm#key")


@pytest.mark.parametrize("address", ["", "http://vault.example.org", "ftp://127.0.0.1", "https://a:b@vault"])
def test_the_address_of_vault_is_the_settings_own(settings: LazySettings, address: str) -> None:
    settings.VAULT_URL = address
    with pytest.raises(StoreError, match="COUNTERSIGN_VAULT_URL"):
        secrets.check(secrets.parse("vault://secret/crm#key"))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


def test_aws_gives_the_whole_or_a_key_and_is_rotated_with_labels(aws: None) -> None:
    with mock_aws():
        client = boto3.client("secretsmanager")
        first = client.create_secret(
            Name="prod/crm", SecretString=json.dumps({"key": CANARY, "other": "stays"})
        )["VersionId"]
        client.create_secret(Name="plain", SecretString=CANARY)
        assert value_at("aws-sm://plain") == CANARY
        uri = secrets.parse("aws-sm://prod/crm#key")
        stored = secrets.read(uri)
        assert (stored.value.reveal(), stored.version) == (CANARY, first)
        token = "8f7f2f6c-8a54-4f0e-9d53-0d6a3b0f1c11"
        second = secrets.write(uri, SecretValue("new"), over=first, token=token)
        assert secrets.write(uri, SecretValue("another"), over=first, token=token) == second
        assert (value_at("aws-sm://prod/crm#key"), value_at("aws-sm://prod/crm#other")) == ("new", "stays")
        stages = client.describe_secret(SecretId="prod/crm")["VersionIdsToStages"]
        assert stages[first] == ["AWSPREVIOUS"]
        secrets.destroy(uri, first)
        secrets.destroy(uri, first)
        assert not client.describe_secret(SecretId="prod/crm")["VersionIdsToStages"].get(first)
        with pytest.raises(StoreError, match="ResourceNotFoundException"):
            value_at("aws-sm://absent")
        with pytest.raises(StoreError, match="no text under the key"):
            value_at("aws-sm://prod/crm#absent")


def test_azure_is_asked_as_its_api_is_published(settings: LazySettings, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(STORE_TOKEN)
    settings.AZURE_VAULTS, settings.AZURE_TOKEN_FILE = ["our-vault"], str(tmp_path / "token")
    answers = {
        "/our-vault/secrets/crm?api-version=7.4": azure_answer(CANARY),
        "/our-vault/secrets/crm/old?api-version=7.4": azure_answer("older", "old"),
    }
    with scripted(answers) as address:
        settings.AZURE_VAULT_URL = f"{address}/{{vault}}"
        stored = secrets.read(secrets.parse("azure-kv://our-vault/crm"))
        assert (stored.value.reveal(), len(stored.version)) == (CANARY, 32)
        assert value_at("azure-kv://our-vault/crm?version=old") == "older"
        with pytest.raises(StoreError, match="nothing there"):
            value_at("azure-kv://our-vault/absent")
        with pytest.raises(StoreError, match="COUNTERSIGN_AZURE_VAULTS"):
            value_at("azure-kv://their-vault/crm")


def test_azure_takes_its_token_from_the_identity_of_the_machine(settings: LazySettings) -> None:
    settings.AZURE_VAULTS = ["our-vault"]

    def answer(request: httpx2.Request) -> httpx2.Response:
        if str(request.url) == IDENTITY and request.headers["Metadata"] == "true":
            return httpx2.Response(200, json={"access_token": STORE_TOKEN, "expires_in": "3599"})
        assert request.url.host == "our-vault.vault.azure.net"
        assert request.headers["Authorization"] == f"Bearer {STORE_TOKEN}"
        return httpx2.Response(200, json=azure_answer(CANARY))

    with outbound.replaced_by(httpx2.MockTransport(answer)):
        assert value_at("azure-kv://our-vault/crm") == CANARY


def test_gcp_is_asked_as_its_api_is_published(settings: LazySettings, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(STORE_TOKEN)
    settings.GCP_TOKEN_FILE = str(tmp_path / "token")
    place = "/v1/projects/our-project/secrets/crm/versions"
    with scripted({f"{place}/latest:access": gcp_answer(CANARY), f"{place}/2:access": b"no json"}) as address:
        settings.GCP_SECRETS_URL = address
        stored = secrets.read(secrets.parse("gcp-sm://our-project/crm"))
        assert (stored.value.reveal(), stored.version) == (CANARY, "3")
        with pytest.raises(StoreError, match="could not be used"):
            value_at("gcp-sm://our-project/crm?version=2")


def test_only_listed_variables_are_read(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SECRET_VARIABLES = ["CRM_KEY", "COUNTERSIGN_SECRET_KEY", "ABSENT"]
    monkeypatch.setenv("CRM_KEY", CANARY)
    monkeypatch.setenv("OTHER", CANARY)
    assert value_at("env://CRM_KEY") == CANARY
    for name, says in (
        ("OTHER", "SECRET_VARIABLES"),
        ("COUNTERSIGN_SECRET_KEY", "itself"),
        ("countersign_x", "itself"),
        ("ABSENT", "no such"),
    ):
        with pytest.raises(StoreError, match=says):
            value_at(f"env://{name}")


def test_only_files_of_the_folder_are_read(settings: LazySettings, tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    (folder / "..data").mkdir(parents=True)
    (folder / "..data" / "crm").write_text(f"{CANARY}\n")
    (folder / "crm").symlink_to("..data/crm")  # as Kubernetes mounts them
    (tmp_path / "outside").write_text("no")
    (folder / "out").symlink_to(tmp_path / "outside")
    (folder / "up").symlink_to(tmp_path)
    (folder / "large").write_text("x" * 70_000)
    with pytest.raises(StoreError, match="COUNTERSIGN_SECRETS_DIR"):
        value_at(f"file://{folder}/crm")
    settings.SECRETS_DIR = str(folder)
    assert value_at(f"file://{folder}/crm") == CANARY
    for name, says in (
        ("out", "not below"),
        ("up/outside", "not below"),
        ("large", "more than"),
        ("..data", "no file"),
        ("absent", "cannot be read"),
    ):
        with pytest.raises(StoreError, match=says):
            value_at(f"file://{folder}/{name}")
    with pytest.raises(StoreError, match="not below"):
        value_at(f"file://{tmp_path}/outside")


def test_a_broker_that_fails_leaves_nothing_of_the_value(vault: Bao, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens with the answer in hand, the error carries no frame that held it."""
    put(vault, "crm", key=CANARY)

    def fail(self: object, text: str) -> None:
        raise ValueError(text)

    monkeypatch.setattr(SecretValue, "__init__", fail)
    with pytest.raises(StoreError) as failed:
        value_at("vault://secret/crm#key")
    error = failed.value
    assert (error.__cause__, error.__context__) == (None, None)
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert CANARY not in "".join(told.format())
