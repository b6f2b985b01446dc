import stat
from pathlib import Path

import pytest
from django.conf import LazySettings

from audits import keys
from audits.note import VerifierKey


@pytest.fixture
def directory(tmp_path: Path, settings: LazySettings) -> Path:
    settings.KEYS_DIR = tmp_path / "keys"
    return tmp_path / "keys"


def test_three_different_keys_are_created_for_their_user_alone(directory: Path) -> None:
    assert keys.create(directory) == ["seal.key", "mac.key", "export.key"]
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for name in ("seal.key", "mac.key", "export.key"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600
    assert len(keys.mac()) == 32
    assert keys.seal().verifier != keys.export().verifier


def test_creating_again_changes_nothing(directory: Path) -> None:
    keys.create(directory)
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    assert keys.create(directory) == []
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


def test_one_missing_key_is_created_beside_the_others(directory: Path) -> None:
    keys.create(directory)
    (directory / "mac.key").unlink()
    assert keys.create(directory) == ["mac.key"]


def test_the_public_half_is_a_verifier_key_under_the_ledgers_name(
    directory: Path, settings: LazySettings
) -> None:
    keys.create(directory)
    public = VerifierKey.parse((directory / "ledger.vkey").read_text())
    assert public == keys.seal().verifier == keys.ledger_verifier()
    assert public.name == settings.LEDGER_ORIGIN


def test_absent_keys_say_how_to_mend_it(directory: Path) -> None:
    for use in (keys.seal, keys.mac, keys.export, keys.ledger_verifier):
        with pytest.raises(keys.KeysUnusable, match=r"manage.py keys create"):
            use()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_open_to_others_is_refused(directory: Path, mode: int) -> None:
    keys.create(directory)
    (directory / "mac.key").chmod(mode)
    with pytest.raises(keys.KeysUnusable, match=r"open to others .* Run `chmod 600"):
        keys.mac()


def test_a_directory_that_others_may_write_to_is_refused(directory: Path) -> None:
    keys.create(directory)
    keys.forget()
    directory.chmod(0o777)
    with pytest.raises(keys.KeysUnusable, match="chmod 700"):
        keys.mac()


@pytest.mark.parametrize("content", [b"", b"zz", b"00" * 31])
def test_a_damaged_secret_is_refused(directory: Path, content: bytes) -> None:
    keys.create(directory)
    (directory / "mac.key").write_bytes(content)
    with pytest.raises(keys.KeysUnusable, match="backup"):
        keys.mac()


def test_a_damaged_private_key_is_refused(directory: Path) -> None:
    keys.create(directory)
    keys.forget()
    (directory / "seal.key").write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(keys.KeysUnusable, match="backup"):
        keys.seal()


def test_a_damaged_public_key_is_refused(directory: Path) -> None:
    keys.create(directory)
    (directory / "ledger.vkey").write_text("nothing")
    with pytest.raises(keys.KeysUnusable, match="not a verifier key"):
        keys.ledger_verifier()


def test_an_origin_that_cannot_name_a_key_is_refused(directory: Path, settings: LazySettings) -> None:
    settings.LEDGER_ORIGIN = "our ledger"
    with pytest.raises(keys.KeysUnusable, match="COUNTERSIGN_LEDGER_ORIGIN: 'our ledger' cannot name a key"):
        keys.create(directory)
