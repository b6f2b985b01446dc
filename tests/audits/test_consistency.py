"""Consistency proofs (RFC 9162, 2.1.4): that a longer tree continues a shorter one."""

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits import selectors, tree
from audits.models import Entry
from audits.services import sealing
from tests.audits.happenings import happen
from tests.audits.test_tree import LEAVES, stored

data = st.lists(st.binary(max_size=20), min_size=1, max_size=70)


def proof_of(leaves: list[bytes], first: int, second: int) -> list[bytes]:
    nodes = dict(stored(leaves))
    return [
        tree.join([nodes[position] for position in tree.subtrees(low, high)])
        for low, high in tree.consistency_ranges(first, second)
    ]


def proof_of_the_rfc(leaves: list[bytes], first: int) -> list[bytes]:
    """PROOF(m, D_n), an own, plain reading of RFC 9162, 2.1.4.1."""

    def subproof(m: int, d: list[bytes], *, whole: bool) -> list[bytes]:
        if m == len(d):
            return [] if whole else [tree.root_of(d)]
        k = 1
        while k * 2 < len(d):
            k *= 2
        if m <= k:
            return [*subproof(m, d[:k], whole=whole), tree.root_of(d[k:])]
        return [*subproof(m - k, d[k:], whole=False), tree.root_of(d[:k])]

    return subproof(first, leaves, whole=True)


@given(data, st.data())
def test_a_proof_is_that_of_the_rfc(items: list[bytes], draw: st.DataObject) -> None:
    leaves = [tree.leaf_hash(item) for item in items]
    first = draw.draw(st.integers(1, len(leaves)))
    assert proof_of(leaves, first, len(leaves)) == proof_of_the_rfc(leaves, first)


@given(data, st.data())
def test_an_independent_implementation_says_the_same(items: list[bytes], draw: st.DataObject) -> None:
    """pymerkle's proofs are written otherwise; what is consistent with what must not differ."""
    second = draw.draw(st.integers(1, len(items)))
    first = draw.draw(st.integers(1, second))
    other = pymerkle.InmemoryTree(algorithm="sha256")
    for item in items:
        other.append_entry(item)
    leaves = [tree.leaf_hash(item) for item in items]
    some = draw.draw(st.integers(1, len(items)))
    old, new = tree.root_of(leaves[:some]), tree.root_of(leaves[:second])
    try:
        pymerkle.verify_consistency(old, new, other.prove_consistency(first, second))
        theirs = True
    except pymerkle.InvalidProof:
        theirs = False
    assert tree.check_consistency(first, old, second, new, proof_of(leaves, first, second)) is theirs


# RFC 6962, 2.1.3, the example of seven leaves: PROOF(3, D[7]), PROOF(4, D[7]), PROOF(6, D[7]).
@pytest.mark.parametrize(
    ("first", "ranges"),
    [(3, [(2, 3), (3, 4), (0, 2), (4, 7)]), (4, [(4, 7)]), (6, [(4, 6), (6, 7), (0, 4)])],
)
def test_the_examples_of_the_rfc(first: int, ranges: list[tuple[int, int]]) -> None:
    assert tree.consistency_ranges(first, 7) == ranges


@given(data, st.data())
def test_no_other_root_and_no_changed_proof_passes(items: list[bytes], draw: st.DataObject) -> None:
    leaves = [tree.leaf_hash(item) for item in items]
    second = draw.draw(st.integers(1, len(items)))
    first = draw.draw(st.integers(1, second))
    old, new = tree.root_of(leaves[:first]), tree.root_of(leaves[:second])
    proof = proof_of(leaves, first, second)
    wrong = bytes(32)
    assert not tree.check_consistency(first, wrong, second, new, proof)
    assert not tree.check_consistency(first, old, second, wrong, proof)
    assert not tree.check_consistency(first, old, second, new, [*proof, wrong])
    for place in range(len(proof)):
        assert not tree.check_consistency(first, old, second, new, proof[:place] + proof[place + 1 :])
        changed = [*proof[:place], wrong, *proof[place + 1 :]]
        assert not tree.check_consistency(first, old, second, new, changed)


def test_what_proves_itself_needs_no_proof() -> None:
    leaves = [tree.leaf_hash(leaf) for leaf in LEAVES]
    root = tree.root_of(leaves)
    assert tree.check_consistency(0, tree.EMPTY_ROOT, 8, root, [])
    assert tree.check_consistency(8, root, 8, root, [])
    assert not tree.check_consistency(8, root, 8, root, [root])
    assert not tree.check_consistency(0, tree.EMPTY_ROOT, 8, root, [root])
    assert not tree.check_consistency(9, root, 8, root, [])
    assert not tree.check_consistency(-1, root, 8, root, [])


@pytest.mark.django_db
def test_the_ledger_proves_it_from_its_stored_nodes() -> None:
    happen(21)
    sealing.seal()
    leaves = [bytes(leaf) for leaf in Entry.objects.order_by("seq").values_list("leaf", flat=True)]
    for second in range(1, 22):
        for first in range(second + 1):
            proof = selectors.consistency(first, second)
            roots = tree.root_of(leaves[:first]), tree.root_of(leaves[:second])
            assert tree.check_consistency(first, roots[0], second, roots[1], proof)
