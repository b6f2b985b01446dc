import hashlib
from collections.abc import Iterator

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits import tree

# The vectors of RFC 6962's reference implementation (certificate-transparency, merkletree tests).
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
hashes = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70)


@pytest.mark.parametrize(("size", "root"), list(enumerate(ROOTS, 1)))
def test_the_vectors_of_rfc_6962(size: int, root: str) -> None:
    assert tree.root_of(map(tree.leaf_hash, LEAVES[:size])).hex() == root


def test_the_empty_tree() -> None:
    assert tree.root_of([]) == hashlib.sha256(b"").digest()


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=70))
def test_roots_are_those_of_an_independent_implementation(data: list[bytes]) -> None:
    other = pymerkle.InmemoryTree(algorithm="sha256")
    for item in data:
        other.append_entry(item)
    assert tree.root_of(map(tree.leaf_hash, data)) == other.get_root()


@given(hashes, st.integers(0, 70))
def test_a_tree_can_be_continued_from_its_stored_nodes(leaves: list[bytes], cut: int) -> None:
    nodes = dict(stored(leaves))
    cut = min(cut, len(leaves))
    growing = tree.Growing(cut, [nodes[peak] for peak in tree.peaks(cut)])
    for leaf in leaves[cut:]:
        growing.append(leaf)
    assert growing.root() == tree.root_of(leaves)


def stored(leaves: list[bytes]) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Every complete subtree, as the database keeps them."""
    growing = tree.Growing()
    for seq, leaf in enumerate(leaves):
        yield (0, seq), leaf
        for level, index, value in growing.append(leaf):
            yield (level, index), value


@given(hashes, st.data())
def test_a_multiproof_gives_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    included = sorted(data.draw(st.sets(st.integers(0, len(leaves) - 1))))
    nodes = dict(stored(leaves))
    proof = [
        tree.join([nodes[position] for position in tree.subtrees(low, high)])
        for low, high in tree.gaps(len(leaves), included)
    ]
    assert root_from(leaves, included, proof) == tree.root_of(leaves)


def root_from(leaves: list[bytes], included: list[int], proof: list[bytes]) -> bytes:
    """An own, plain reading of the specification of proof.bin."""
    hashes = iter(proof)

    def of(low: int, high: int) -> bytes:
        if not any(low <= seq < high for seq in included):
            return next(hashes)
        if high - low == 1:
            return leaves[low]
        half = 1
        while half * 2 < high - low:
            half *= 2
        return hashlib.sha256(b"\1" + of(low, low + half) + of(low + half, high)).digest()

    root = of(0, len(leaves))
    assert next(hashes, None) is None
    return root


@given(hashes, st.data())
def test_every_gap_is_minimal_and_together_they_cover_what_is_not_included(
    leaves: list[bytes], data: st.DataObject
) -> None:
    included = data.draw(st.sets(st.integers(0, len(leaves) - 1)))
    covered = [seq for low, high in tree.gaps(len(leaves), sorted(included)) for seq in range(low, high)]
    assert sorted(covered + list(included)) == list(range(len(leaves)))


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=40), st.data())
def test_an_inclusion_proof_has_the_siblings_of_the_path(data: list[bytes], choice: st.DataObject) -> None:
    index = choice.draw(st.integers(0, len(data) - 1))
    leaves = [tree.leaf_hash(item) for item in data]
    node, at, last = leaves[index], index, len(leaves) - 1
    for sibling in tree.inclusion_proof(leaves, index):
        if at & 1 or at == last:
            node = tree.node_hash(sibling, node)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            node = tree.node_hash(node, sibling)
        at, last = at >> 1, last >> 1
    assert (node, last) == (tree.root_of(leaves), 0)


def test_a_leaf_cannot_imitate_a_node() -> None:
    left, right = tree.leaf_hash(b"a"), tree.leaf_hash(b"b")
    node = tree.node_hash(left, right)
    imitations = (left + right, b"\1" + left + right, b"\0" + left + right)
    assert node not in map(tree.leaf_hash, imitations)
