import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from audits import note
from audits.verify import verify

# The example of the specification of signed notes (c2sp.org/signed-note).
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNED = (
    f"{TEXT}\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# RFC 8032, 7.1.
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
]


def signer(name: str = "example.org/ledger") -> note.SignerKey:
    return note.SignerKey(name, Ed25519PrivateKey.generate())


def test_the_example_of_the_specification() -> None:
    assert note.verify(SIGNED, note.VerifierKey.parse(NEUMANN)) == TEXT
    assert verify.open_note(SIGNED.encode(), verify.parse_key(NEUMANN, "key"), "note") == TEXT[:-1].split(
        "\n"
    )


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_ed25519_of_the_verifier_knows_the_vectors(public: str, message: str, signature: str) -> None:
    values = [bytes.fromhex(text) for text in (public, message, signature)]
    assert verify.ed25519_verifies(*values)
    for position in range(3):
        for other in ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511b", "00" * 64):
            changed = list(values)
            changed[position] = bytes.fromhex(other)
            assert not verify.ed25519_verifies(*changed)


@given(st.binary(max_size=200), st.integers(0, 511))
def test_ed25519_of_the_verifier_agrees_with_the_library(message: bytes, bit: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(message.ljust(32, b"x")[:32])
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert verify.ed25519_verifies(public, message, signature)
    flipped = bytearray(signature)
    flipped[bit // 8] ^= 1 << bit % 8
    assert not verify.ed25519_verifies(public, message, bytes(flipped))


def test_ed25519_of_the_verifier_refuses_a_signature_written_another_way() -> None:
    public, message, signature = (bytes.fromhex(text) for text in RFC_8032[0])
    scalar = int.from_bytes(signature[32:], "little") + verify.ORDER
    assert not verify.ed25519_verifies(public, message, signature[:32] + scalar.to_bytes(32, "little"))


def test_a_signed_note_is_verified_by_both() -> None:
    key = signer()
    signed = key.sign("one\n\ntwo\n")
    assert note.verify(signed, key.verifier) == "one\n\ntwo\n"
    assert verify.open_note(signed.encode(), verify.parse_key(str(key.verifier), "key"), "x") == [
        "one",
        "",
        "two",
    ]


def test_a_verifier_key_survives_being_written() -> None:
    key = signer().verifier
    assert note.VerifierKey.parse(f"{key}\n") == key


@pytest.mark.parametrize(
    "text",
    ["", "a+b", "a+00000000+AAAA", NEUMANN.replace("c7", "c8"), NEUMANN[:-4], NEUMANN + "=", "a b+1+2"],
)
def test_what_is_no_verifier_key_is_refused_by_both(text: str) -> None:
    with pytest.raises(note.NoteError):
        note.VerifierKey.parse(text)
    with pytest.raises(verify.Wrong, match="key"):
        verify.parse_key(text, "key")


def test_a_key_needs_a_name_that_can_be_written() -> None:
    for name in ("", "a b", "a+b", "a\n"):
        with pytest.raises(note.NoteError, match="cannot name a key"):
            _ = signer(name).verifier


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("cryptography", "Cryptography", "does not fit"),
        ("x08go", "y08go", "no signature of PeterNeumann"),
        ("— PeterNeumann", "— PeterNeumany", "no signature of PeterNeumann"),
        ("\n\n", "\n", "Not a signed note"),
        ("AM=\n", "AM=", "Not a signed note"),
        ("AM=", "AN=", "Not a signature line"),
        ("— P", "- P", "Not a signature line"),
    ],
)
def test_a_changed_note_is_refused(old: str, new: str, words: str) -> None:
    changed = SIGNED.replace(old, new)
    assert changed != SIGNED
    with pytest.raises(note.NoteError, match=words):
        note.verify(changed, note.VerifierKey.parse(NEUMANN))
    with pytest.raises(verify.Wrong, match="here"):
        verify.open_note(changed.encode(), verify.parse_key(NEUMANN, "key"), "here")


def test_the_other_key_of_the_same_name_is_not_taken() -> None:
    signed = signer().sign("text\n")
    with pytest.raises(note.NoteError, match="no signature"):
        note.verify(signed, signer().verifier)


def test_the_signature_is_ed25519_over_the_text() -> None:
    key = signer()
    blob = base64.b64decode(key.sign("text\n").split(" ")[-1])
    key.private.public_key().verify(blob[4:], b"text\n")
    assert blob[:4] == key.verifier.hash


# --- Several signatures ---------------------------------------------------------------------------------
def test_signatures_of_others_do_not_matter() -> None:
    known, other = signer(), signer("example.org/other")
    signed = note.sign("text\n", other, known, other)
    assert note.verify(signed, known.verifier) == "text\n"
    assert note.verify_each(signed, [known.verifier, other.verifier]) == "text\n"
    unknown = "\u2014 example.org/unknown AAAAAAAAAA==\n"
    assert note.verify(signed + unknown, known.verifier) == "text\n"


def test_each_must_have_signed() -> None:
    first, second = signer(), signer()
    signed = note.sign("text\n", first)
    with pytest.raises(note.NoteError, match="no signature"):
        note.verify_each(signed, [first.verifier, second.verifier])


def test_one_bad_signature_of_a_known_key_spoils_the_note() -> None:
    key = signer()
    good = key.sign("text\n")
    bad = key.sign("other\n").removeprefix("other\n\n")
    for spoiled in (good + bad, good.replace("text\n\n", f"text\n\n{bad}")):
        with pytest.raises(note.NoteError, match="does not fit"):
            note.verify(spoiled, key.verifier)


def test_a_note_with_very_many_signatures_is_refused() -> None:
    key = signer()
    signed = key.sign("text\n") + "\u2014 other AAAAAAAAAA==\n" * 100
    with pytest.raises(note.NoteError, match="more than 100"):
        note.verify(signed, key.verifier)


def test_a_cosignature_is_not_a_signature_and_the_other_way_round() -> None:
    private = Ed25519PrivateKey.generate()
    witness, log = note.WitnessKey("w", private), note.SignerKey("w", private)
    text = "text\n"
    assert witness.verifier.id != log.verifier.id
    assert note.VerifierKey.parse(str(witness.verifier), note.COSIGNATURE) == witness.verifier
    for key, algorithm in ((witness.verifier, note.ED25519), (log.verifier, note.COSIGNATURE)):
        with pytest.raises(note.NoteError, match="verifier key"):
            note.VerifierKey.parse(str(key), algorithm)
    cosigned = f"{text}\n{witness.cosign(text, 7)}"
    assert note.cosigned_at(cosigned, witness.verifier) == 7
    with pytest.raises(note.NoteError, match="no signature"):
        note.verify(cosigned, log.verifier)


@pytest.mark.parametrize(
    "text",
    ["", "log\n", "log\n1\n", "log\n1\nAAAA\n", "log\n01\n{}\n", "log\n-1\n{}\n", "\n1\n{}\n", "log\n1\n{}"],
)
def test_what_is_no_checkpoint(text: str) -> None:
    root = base64.b64encode(bytes(32)).decode()
    with pytest.raises(note.NoteError, match="Not a checkpoint"):
        note.Checkpoint.parse(text.format(root))
    assert note.Checkpoint.parse(f"log\n1\n{root}\nmore\n") == note.Checkpoint("log", 1, bytes(32))
