"""Our own witness: what it cosigns, what it refuses and with which status (c2sp.org/tlog-witness)."""

import base64
import http.client
import json
import threading
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from audits import keyring, note, tree
from audits.keyring import KeyRing, Statement
from audits.note import SignerKey, WitnessKey
from audits.witness.command import origins_of
from audits.witness.state import Witness
from tests.audits.outside import witnessing

ORIGIN = "example.org/log"


@pytest.fixture
def log() -> SignerKey:
    return SignerKey(ORIGIN, Ed25519PrivateKey.generate())


@pytest.fixture
def witness(log: SignerKey, tmp_path: Path) -> Witness:
    key = WitnessKey("witness.example", Ed25519PrivateKey.generate())
    return Witness(key, {ORIGIN: KeyRing(log.verifier)}, tmp_path / "state.json", now=lambda: 1_700_000_000.9)


LEAVES = [tree.leaf_hash(bytes([number])) for number in range(40)]


def checkpoint(size: int, *signers: SignerKey, leaves: list[bytes] = LEAVES, origin: str = ORIGIN) -> str:
    root = base64.b64encode(tree.root_of(leaves[:size])).decode()
    return note.sign(f"{origin}\n{size}\n{root}\n", *signers)


def proof(first: int, second: int, leaves: list[bytes] = LEAVES) -> list[bytes]:
    return [tree.root_of(leaves[low:high]) for low, high in tree.consistency_ranges(first, second)]


def asked(before: int, signed: str, hashes: list[bytes]) -> bytes:
    lines = "".join(f"{base64.b64encode(value).decode()}\n" for value in hashes)
    return f"old {before}\n{lines}\n{signed}".encode()


def status(witness: Witness, before: int, signed: str, hashes: list[bytes]) -> HTTPStatus:
    return witness.add_checkpoint(asked(before, signed, hashes)).status


def test_it_cosigns_the_first_and_what_continues_it(witness: Witness, log: SignerKey) -> None:
    before = 0
    for size in (3, 3, 7, 8, 31):
        signed = checkpoint(size, log)
        answer = witness.add_checkpoint(asked(before, signed, proof(before, size)))
        assert answer.status == HTTPStatus.OK
        assert note.cosigned_at(signed + answer.text, witness.key.verifier) == 1_700_000_000
        before = size


@given(st.integers(1, 40), st.integers(1, 40))
def test_the_cosignature_is_that_of_the_specification(first: int, second: int) -> None:
    key = WitnessKey("w", Ed25519PrivateKey.generate())
    text = f"{ORIGIN}\n{first}\n{base64.b64encode(bytes(32)).decode()}\n"
    line = key.cosign(text, second)
    blob = base64.b64decode(line.split(" ")[2])
    assert blob[4:12] == second.to_bytes(8, "big")
    key.private.public_key().verify(blob[12:], f"cosignature/v1\ntime {second}\n{text}".encode())


def test_an_unknown_log_is_404(witness: Witness) -> None:
    other = SignerKey("example.org/other", Ed25519PrivateKey.generate())
    assert status(witness, 0, checkpoint(1, other, origin="example.org/other"), []) == 404


def test_another_key_is_403(witness: Witness, log: SignerKey) -> None:
    other = SignerKey(ORIGIN, Ed25519PrivateKey.generate())
    assert status(witness, 0, checkpoint(1, other), []) == 403
    assert status(witness, 0, checkpoint(1, log).replace("\n1\n", "\n2\n"), []) == 403


def test_another_size_than_was_seen_is_409_with_the_size(witness: Witness, log: SignerKey) -> None:
    assert status(witness, 0, checkpoint(5, log), []) == 200
    for before, size in ((0, 7), (4, 7), (6, 7), (0, 5)):
        answer = witness.add_checkpoint(asked(before, checkpoint(size, log), proof(before, size)))
        assert (answer.status, answer.text, answer.is_size) == (409, "5\n", True)


def test_a_rollback_is_refused(witness: Witness, log: SignerKey) -> None:
    assert status(witness, 0, checkpoint(9, log), []) == 200
    assert status(witness, 9, checkpoint(5, log), []) == 400
    assert status(witness, 5, checkpoint(5, log), []) == 409


def test_a_fork_is_refused(witness: Witness, log: SignerKey) -> None:
    assert status(witness, 0, checkpoint(9, log), []) == 200
    forked = [LEAVES[1], *LEAVES[1:]]
    assert status(witness, 9, checkpoint(9, log, leaves=forked), []) == 409
    assert status(witness, 9, checkpoint(12, log, leaves=forked), proof(9, 12, forked)) == 422
    assert status(witness, 9, checkpoint(12, log), proof(9, 12)) == 200


def test_a_bad_proof_is_422(witness: Witness, log: SignerKey) -> None:
    assert status(witness, 0, checkpoint(6, log), []) == 200
    true = proof(6, 11)
    for wrong in ([], true[:-1], [*true, bytes(32)], [bytes(32), *true[1:]]):
        assert status(witness, 6, checkpoint(11, log), wrong) == 422
    assert status(witness, 6, checkpoint(11, log), true) == 200


@pytest.mark.parametrize(
    "content",
    [
        b"", b"old 0\n", b"old 0\n\n", b"old -1\n\nx", b"old 00\n\nx", b"new 0\n\nx", b"old 0\nAAAA\n\nx",
        b"old 0\n!\n\nx", b"\xff\n\nx", b"old 0\n\nno checkpoint\n\n\xe2\x80\x94 x AAAAAAAA\n",
        b"old 0\n" + (base64.b64encode(bytes(32)) + b"\n") * 64 + b"\nx",
    ],
)  # fmt: skip
def test_what_is_no_request_is_400(witness: Witness, content: bytes) -> None:
    assert witness.add_checkpoint(content).status == 400


def test_it_remembers_across_a_restart(witness: Witness, log: SignerKey, tmp_path: Path) -> None:
    assert status(witness, 0, checkpoint(9, log), []) == 200
    again = Witness(witness.key, witness.origins, witness.state)
    assert status(again, 0, checkpoint(4, log), []) == 409
    assert json.loads(witness.state.read_text()) == {ORIGIN: [9, tree.root_of(LEAVES[:9]).hex()]}
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_what_cannot_be_written_down_is_not_signed(
    witness: Witness, log: SignerKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        witness.add_checkpoint(asked(0, checkpoint(3, log), []))
    monkeypatch.undo()
    assert status(witness, 0, checkpoint(5, log), []) == 200


def test_two_at_once_are_taken_one_after_the_other(witness: Witness, log: SignerKey) -> None:
    answers: list[HTTPStatus] = []
    forked = [LEAVES[1], *LEAVES[1:]]

    def ask(leaves: list[bytes]) -> None:
        answers.append(status(witness, 0, checkpoint(9, log, leaves=leaves), []))

    threads = [threading.Thread(target=ask, args=(leaves,)) for leaves in (LEAVES, forked) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(HTTPStatus.OK) == 1


def test_it_follows_a_rotation_and_not_a_replacement(log: SignerKey, tmp_path: Path) -> None:
    new, thief = (SignerKey(ORIGIN, Ed25519PrivateKey.generate()) for _ in range(2))
    rotation = Statement(log.verifier, new.verifier, 5)
    replacement = Statement(new.verifier, thief.verifier, 9, "Stolen.")
    said = [note.sign(rotation.text, log, new), note.sign(replacement.text, thief)]
    (tmp_path / "rotations.txt").write_text(keyring.join(said))
    origins = origins_of([str(log.verifier)], tmp_path / "rotations.txt")
    key = WitnessKey("w", Ed25519PrivateKey.generate())
    witness = Witness(key, origins, tmp_path / "state.json")
    assert status(witness, 0, checkpoint(4, log), []) == 200
    assert status(witness, 4, checkpoint(5, log), proof(4, 5)) == 403
    assert status(witness, 4, checkpoint(5, log, new), proof(4, 5)) == 200
    assert status(witness, 5, checkpoint(12, log), proof(5, 12)) == 403
    assert status(witness, 5, checkpoint(12, thief), proof(5, 12)) == 403
    assert status(witness, 5, checkpoint(12, new), proof(5, 12)) == 200


def test_over_http(log: SignerKey, tmp_path: Path) -> None:
    with witnessing(log.verifier, tmp_path) as (address, witness):
        where = urlsplit(address.removeprefix("witness+"))
        cases = (
            ("/add-checkpoint", asked(0, checkpoint(3, log), []), 200, "text/plain; charset=utf-8"),
            ("/add-checkpoint", asked(0, checkpoint(5, log), []), 409, "text/x.tlog.size"),
            ("/add-checkpoint", b"x" * 70_000, 400, "text/plain; charset=utf-8"),
            ("/other", b"", 404, "text/plain; charset=utf-8"),
        )
        for path, content, code, kind in cases:
            connection = http.client.HTTPConnection("127.0.0.1", where.port or 0, timeout=10)
            connection.request("POST", path, headers={"Content-Length": str(len(content))})
            if code != 400:
                connection.send(content)
            answer = connection.getresponse()
            assert (answer.status, answer.getheader("Content-Type")) == (code, kind)
            answer.read()
            connection.close()
        assert witness.state.exists()
