"""What leaves the house: proofs of single events (c2sp.org/tlog-proof), and comparisons with checkpoints."""

import base64
from pathlib import Path

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits import keys, selectors, tree
from audits.errors import Conflict, NotFound
from audits.models import Checkpoint, Entry, Node
from audits.models.base import new_id
from audits.services import sealing, verification
from audits.services.verification import Unreadable, Unsound
from audits.tlog_proof import Proof, ProofError
from tests.audits.happenings import happen, take_triggers_off
from tests.audits.test_ledger_commands import run
from tests.audits.test_tree import stored

data = st.lists(st.binary(max_size=20), min_size=1, max_size=70)


def path_of(leaves: list[bytes], index: int) -> list[bytes]:
    nodes = dict(stored(leaves))
    return [
        tree.join([nodes[position] for position in tree.subtrees(low, high)])
        for low, high in tree.inclusion_ranges(len(leaves), index)
    ]


@given(data, st.data())
def test_a_path_is_that_of_the_rfc_and_leads_to_the_root(items: list[bytes], draw: st.DataObject) -> None:
    leaves = [tree.leaf_hash(item) for item in items]
    index = draw.draw(st.integers(0, len(leaves) - 1))
    path = path_of(leaves, index)
    assert path == tree.inclusion_proof(leaves, index)
    assert tree.root_from_path(len(leaves), index, leaves[index], path) == tree.root_of(leaves)


@given(data, st.data())
def test_an_independent_implementation_accepts_the_same_paths(
    items: list[bytes], draw: st.DataObject
) -> None:
    """What pymerkle proves, we accept; what we prove is as long, and from the same hashes."""
    other = pymerkle.InmemoryTree(algorithm="sha256")
    for item in items:
        other.append_entry(item)
    index = draw.draw(st.integers(0, len(items) - 1))
    proof = other.prove_inclusion(index + 1, len(items))
    leaves = [tree.leaf_hash(item) for item in items]
    mine = path_of(leaves, index)
    theirs = [bytes.fromhex(each) for each in proof.serialize()["path"]]
    assert other.get_root() == tree.root_of(leaves)
    assert sorted(theirs) == sorted([leaves[index], *mine])


@given(data, st.data())
def test_no_other_path_leads_to_the_root(items: list[bytes], draw: st.DataObject) -> None:
    leaves = [tree.leaf_hash(item) for item in items]
    size, index = len(leaves), draw.draw(st.integers(0, len(leaves) - 1))
    path, root = path_of(leaves, index), tree.root_of(leaves)
    wrong = bytes(32)
    assert tree.root_from_path(size, index, wrong, path) != root
    assert tree.root_from_path(size, index, leaves[index], [*path, wrong]) != root
    for place in range(len(path)):
        assert tree.root_from_path(size, index, leaves[index], path[:place] + path[place + 1 :]) != root
        changed = [*path[:place], wrong, *path[place + 1 :]]
        assert tree.root_from_path(size, index, leaves[index], changed) != root
    assert tree.root_from_path(size, size, leaves[index], path) is None
    assert tree.root_from_path(size, -1, leaves[index], path) is None


@given(data, st.data())
def test_a_leaf_that_imitates_a_node_is_not_in_the_tree(items: list[bytes], draw: st.DataObject) -> None:
    """RFC 6962, 2.1: 64 bytes that are two hashes are another thing as a leaf than as a node."""
    leaves = [tree.leaf_hash(item) for item in items * 2]
    imitation = tree.leaf_hash(leaves[0] + leaves[1])
    path = path_of(leaves, 0)[1:]
    assert tree.root_from_path(len(leaves) // 2, 0, imitation, path) != tree.root_of(leaves)
    assert imitation != tree.node_hash(leaves[0], leaves[1])


@given(data, st.data())
def test_a_root_from_some_leaves_and_the_gaps_between_them(items: list[bytes], draw: st.DataObject) -> None:
    leaves = [tree.leaf_hash(item) for item in items]
    included = sorted(draw.draw(st.sets(st.integers(0, len(leaves) - 1))))
    nodes = dict(stored(leaves))
    hashes = [
        tree.join([nodes[position] for position in tree.subtrees(low, high)])
        for low, high in tree.gaps(len(leaves), included)
    ]
    some = [(index, leaves[index]) for index in included]
    assert tree.root_from_gaps(len(leaves), some, hashes) == tree.root_of(leaves)
    with pytest.raises(ValueError, match="do not make up"):
        tree.root_from_gaps(len(leaves), some, [*hashes, bytes(32)])
    if hashes:
        with pytest.raises(ValueError, match="do not make up"):
            tree.root_from_gaps(len(leaves), some, hashes[:-1])


@given(data, st.integers(0, 4), st.data())
def test_a_subtree_of_which_only_the_root_is_known(
    items: list[bytes], level: int, draw: st.DataObject
) -> None:
    """A pruned segment: everything after it has the nodes and the root that it had before."""
    leaves = [tree.leaf_hash(item) for item in items]
    count = 1 << level
    low = draw.draw(st.integers(0, len(leaves))) // count * count
    whole, pruned = tree.Growing(), tree.Growing()
    for leaf in leaves[:low]:
        pruned.append(leaf)
    rest = low
    if low + count <= len(leaves):
        pruned.append_subtree(level, tree.root_of(leaves[low : low + count]))
        rest = low + count
    completed = [node for leaf in leaves[rest:] for node in pruned.append(leaf)]
    expected = [node for leaf in leaves for node in whole.append(leaf)]
    assert (pruned.size, pruned.root()) == (whole.size, whole.root())
    assert set(completed) <= set(expected)
    if level and low % (2 * count) == 0 and rest == low + count:
        with pytest.raises(ValueError, match="cannot begin at leaf"):
            tree.Growing(1, [leaves[0]]).append_subtree(level, leaves[0])


# --- The file ----------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_proof_is_checked_from_its_files_alone(tmp_path: Path) -> None:
    events = happen(21)
    sealing.seal()
    proof, entry = tmp_path / "event.tlog-proof", tmp_path / "entry.json"
    for event in (events[0], events[12], events[20]):
        code, words, _ = run("ledger", "prove", str(event.pk), "--out", str(proof), "--entry", str(entry))
        assert (code, "is in the tree of 21 entries" in words) == (0, True)
        checked = ("ledger", "check-proof", str(proof), "--entry", str(entry), "--key")
        for key in (str(keys.ledger_verifier()), str(Path(keys.__file__).parent / "absent")):
            code, words, errors = run(*checked, key)
            assert code == (0 if "+" in key else 2), (words, errors)
    lines = proof.read_text().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 20"]
    assert all(len(base64.b64decode(line)) == 32 for line in lines[2 : lines.index("")])
    assert proof.read_text().endswith(Checkpoint.objects.get().note)


@pytest.mark.django_db
def test_a_proof_of_something_else_is_refused(tmp_path: Path) -> None:
    events = happen(9)
    sealing.seal()
    proved, other = (verification.prove(event_id=event.pk) for event in events[3:5])
    proof, entry = tmp_path / "proof", tmp_path / "entry"
    key = str(keys.ledger_verifier())
    forged = {
        "another entry": (str(proved.proof), other.entry),
        "a changed entry": (str(proved.proof), proved.entry.replace(b"success", b"failed")),
        "another place": (str(proved.proof).replace("index 3", "index 2"), proved.entry),
        "another path": (
            str(Proof(3, (bytes(32), *proved.proof.hashes[1:]), proved.proof.checkpoint)),
            proved.entry,
        ),
        "a larger tree": (str(proved.proof).replace("\n9\n", "\n10\n"), proved.entry),
    }
    for what, (text, content) in forged.items():
        proof.write_text(text)
        entry.write_bytes(content)
        code, words, _ = run("ledger", "check-proof", str(proof), "--entry", str(entry), "--key", key)
        assert (code, words[:6]) == (1, "WRONG:"), what


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\n",
        "c2sp.org/tlog-proof@v1\nindex 1\n",
        "c2sp.org/tlog-proof@v1\nindex -1\n\nnote",
        "c2sp.org/tlog-proof@v1\nindex 01\n\nnote",
        "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\nnote",
        "c2sp.org/tlog-proof@v1\nindex 1\nnot base64\n\nnote",
        "c2sp.org/tlog-proof@v1\nextra !\nindex 1\n\nnote",
        "c2sp.org/tlog-proof@v2\nindex 1\n\nnote",
    ],
)
def test_what_is_no_proof(text: str) -> None:
    with pytest.raises(ProofError):
        Proof.parse(text)


def test_extra_data_is_allowed_and_means_nothing() -> None:
    proof = Proof.parse("c2sp.org/tlog-proof@v1\nextra QUJD\nindex 7\n" + "A" * 43 + "=\n\nnote\n")
    assert (proof.index, proof.hashes, proof.checkpoint) == (7, (bytes(32),), "note\n")


@given(st.integers(0, 2**63), st.lists(st.binary(min_size=32, max_size=32), max_size=63))
def test_a_proof_is_read_as_it_was_written(index: int, hashes: list[bytes]) -> None:
    proof = Proof(index, tuple(hashes), "log\n1\nroot\n\n\u2014 log sig\n")
    assert Proof.parse(str(proof)) == proof


@pytest.mark.django_db
def test_what_cannot_be_proved() -> None:
    with pytest.raises(NotFound):
        verification.prove(event_id=new_id())
    [event] = happen(1)
    with pytest.raises(Conflict, match="waits to be sealed"):
        verification.prove(event_id=event.pk)
    sealing.seal()
    take_triggers_off()
    Entry.objects.update(leaf=b"\1" * 32)
    with pytest.raises(Unsound, match="leaf of entry 0"):
        verification.prove(event_id=event.pk)


# --- A checkpoint that somebody kept -----------------------------------------------------------------
@pytest.mark.django_db
def test_the_ledger_continues_a_checkpoint_that_was_kept(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    happen(5)
    sealing.seal()
    kept.write_text(Checkpoint.objects.get().note)
    happen(8)
    sealing.seal()
    code, words, _ = run("ledger", "compare", str(kept))
    assert code == 0
    lines = words.splitlines()
    assert lines[0] == "The ledger of 13 entries continues the 5 that the checkpoint signs."
    proof = [base64.b64decode(line) for line in lines[3:]]
    assert proof == selectors.consistency(5, 13)
    old, new = (base64.b64decode(line.split()[2]) for line in lines[1:3])
    assert tree.check_consistency(5, old, 13, new, proof)


@pytest.mark.django_db
def test_a_ledger_that_was_rewritten_or_cut_does_not_continue_it(tmp_path: Path) -> None:
    kept, later = tmp_path / "kept.txt", tmp_path / "later.txt"
    happen(5)
    sealing.seal()
    newest = Checkpoint.objects.get()
    signer = keys.seal()
    kept.write_text(signer.sign(sealing.checkpoint_text(signer.verifier.name, 4, b"\1" * 32)))
    later.write_text(signer.sign(sealing.checkpoint_text(signer.verifier.name, 6, bytes(newest.root))))
    code, words, _ = run("ledger", "compare", str(kept))
    assert (code, "The first 4 entries are not those" in words, "01" * 32 in words) == (1, True, True)
    code, words, _ = run("ledger", "compare", str(later))
    assert (code, "the checkpoint signs 6: its end was cut off" in words) == (1, True)


@pytest.mark.django_db
def test_what_is_no_checkpoint_of_ours(tmp_path: Path) -> None:
    happen(5)
    sealing.seal()
    stranger = tmp_path / "stranger.txt"
    for text in ("", "words", Checkpoint.objects.get().note.replace("\n5\n", "\n4\n")):
        stranger.write_text(text)
        code, _, errors = run("ledger", "compare", str(stranger))
        assert (code, bool(errors)) == (2, True), text
    with pytest.raises(Unreadable):
        verification.compare(checkpoint="words")
    assert run("ledger", "compare", str(tmp_path / "absent"))[0] == 2


@pytest.mark.django_db
def test_a_comparison_needs_a_ledger_that_is_whole_itself() -> None:
    happen(5)
    sealing.seal()
    note = Checkpoint.objects.get().note
    take_triggers_off()
    Node.objects.filter(level=2).update(hash=b"\1" * 32)
    with pytest.raises(Unsound, match="do not have the root"):
        verification.compare(checkpoint=note)
