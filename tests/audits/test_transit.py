"""The seal key in a key server: against a real OpenBao, started here."""

from pathlib import Path

import pytest
from django.conf import LazySettings

from audits import keys, note
from audits.actor import Actor
from audits.choices import KeyPurpose
from audits.models import Checkpoint, Pending
from audits.services import key_rotation, sealing
from tests.audits.happenings import happen
from tests.audits.openbao import TOKEN, Bao, bao
from tests.processes.installation import free_port

pytestmark = pytest.mark.django_db
OPERATOR = Actor.system("command-line")
__all__ = ["bao"]


@pytest.fixture
def vault(bao: Bao, tmp_path: Path, settings: LazySettings) -> Bao:
    """Settings that name a fresh key of the server, and keys made for them."""
    name = f"ledger-{tmp_path.name.lower().replace('_', '-')}"
    assert bao.ask("POST", f"transit/keys/{name}", {"type": "ed25519"}).is_success
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    settings.SEAL_KEY = f"transit+{bao.address}/transit/{name}"
    settings.SEAL_TOKEN_FILE = str(tmp_path / "token")
    settings.KEYS_DIR = tmp_path / "keys"
    keys.forget()
    return bao


def test_it_seals_with_a_key_that_is_not_here(vault: Bao, settings: LazySettings) -> None:
    assert keys.create(settings.KEYS_DIR) == ["mac.key", "export.key"]
    assert not (settings.KEYS_DIR / keys.SEAL).exists()
    happen(3)
    sealing.seal()
    checkpoint = Checkpoint.objects.get()
    assert note.verify(checkpoint.note, keys.ledger_verifier()).split("\n")[1] == "3"


def test_it_is_rotated_there(vault: Bao, settings: LazySettings) -> None:
    keys.create(settings.KEYS_DIR)
    happen(1)
    sealing.seal()
    old = keys.seal().verifier
    key_rotation.rotate(actor=OPERATOR, purpose=KeyPurpose.SEAL)
    new = keys.seal().verifier
    assert new != old
    happen(1)
    sealing.seal()
    for checkpoint in Checkpoint.objects.all():
        note.verify_each(checkpoint.note, keys.verifiers_for(checkpoint.size))
    assert [span.key for span in keys.spans()] == [old, new]


def test_a_ledger_moves_from_a_file_to_the_server(vault: Bao, settings: LazySettings) -> None:
    where, settings.SEAL_KEY = settings.SEAL_KEY, ""
    keys.create(settings.KEYS_DIR)
    happen(1)
    sealing.seal()
    settings.SEAL_KEY = where
    happen(1)
    with pytest.raises(keys.KeysUnusable, match=r"manage\.py keys rotate"):
        sealing.seal()
    key_rotation.rotate(actor=OPERATOR, purpose=KeyPurpose.SEAL)
    assert not (settings.KEYS_DIR / keys.SEAL).exists()
    assert sealing.seal()
    for checkpoint in Checkpoint.objects.all():
        note.verify_each(checkpoint.note, keys.verifiers_for(checkpoint.size))


def test_without_the_server_events_wait_and_nothing_is_lost(
    vault: Bao, settings: LazySettings, tmp_path: Path
) -> None:
    keys.create(settings.KEYS_DIR)
    sealing.seal()
    where = settings.SEAL_KEY
    settings.SEAL_KEY = f"transit+http://127.0.0.1:{free_port()}/transit/ledger"
    happen(2)
    with pytest.raises(keys.KeysUnusable, match="events wait to be sealed"):
        sealing.seal()
    assert Pending.objects.count() == 2
    settings.SEAL_KEY = where
    (tmp_path / "token").write_text("another token")
    with pytest.raises(keys.KeysUnusable, match="answered 403"):
        sealing.seal()
    (tmp_path / "token").write_text(TOKEN)
    assert sealing.seal() == 2


def test_another_key_under_the_same_name_signs_nothing(vault: Bao, settings: LazySettings) -> None:
    keys.create(settings.KEYS_DIR)
    happen(1)
    sealing.seal()
    name = settings.SEAL_KEY.rpartition("/")[2]
    assert vault.ask("POST", f"transit/keys/{name}/config", {"deletion_allowed": True}).is_success
    assert vault.ask("DELETE", f"transit/keys/{name}").is_success
    assert vault.ask("POST", f"transit/keys/{name}", {"type": "ed25519"}).is_success
    keys.forget()
    happen(1)
    with pytest.raises(keys.KeysUnusable, match="swapped or deleted"):
        sealing.seal()


@pytest.mark.parametrize("kind", ["aes256-gcm96", "ecdsa-p256"])
def test_a_key_of_another_kind_is_refused(vault: Bao, settings: LazySettings, kind: str) -> None:
    name = f"other-{kind}"
    assert vault.ask("POST", f"transit/keys/{name}", {"type": kind}).is_success
    settings.SEAL_KEY = f"transit+{vault.address}/transit/{name}"
    with pytest.raises(keys.KeysUnusable, match="type=ed25519"):
        keys.create(settings.KEYS_DIR)


@pytest.mark.parametrize(
    "address",
    [
        "transit+http://example.org/transit/ledger", "https://example.org/transit/ledger",
        "transit+https://example.org/ledger", "transit+https://user:secret@example.org/transit/ledger",
    ],
)  # fmt: skip
def test_an_address_that_is_not_understood_is_refused(
    vault: Bao, settings: LazySettings, address: str
) -> None:
    settings.SEAL_KEY = address
    with pytest.raises(keys.KeysUnusable, match="COUNTERSIGN_SEAL_KEY") as refused:
        keys.create(settings.KEYS_DIR)
    assert "secret" not in str(refused.value)


def test_without_a_token_it_says_so(vault: Bao, settings: LazySettings) -> None:
    settings.SEAL_TOKEN_FILE = ""
    with pytest.raises(keys.KeysUnusable, match="COUNTERSIGN_SEAL_TOKEN_FILE"):
        keys.create(settings.KEYS_DIR)
