"""RFC 6962 (9162) Merkle trees, pure: hashes, growing, and the parts that a proof needs."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def split(count: int) -> int:
    """The largest power of two below `count` (RFC 9162, 2.1.1), for `count` of 2 and more."""
    return 1 << (count - 1).bit_length() - 1


def peaks(size: int) -> list[tuple[int, int]]:
    """(level, index) of the complete subtrees that make up a tree of `size` leaves, left to right."""
    return [
        (level, (size >> level) - 1) for level in range(size.bit_length() - 1, -1, -1) if size >> level & 1
    ]


class Growing:
    """A tree that takes leaves one by one, and holds nothing but its peaks."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """`hashes` are those of `peaks(size)`."""
        self.size = size
        self._peaks = list(hashes)

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf; returns the (level, index, hash) of every inner node it completes."""
        return self.append_subtree(0, leaf)

    def append_subtree(self, level: int, node: bytes) -> list[tuple[int, int, bytes]]:
        """Add 2^level leaves of which only the root is known; returns what `append` does.

        Raises:
            ValueError: such a subtree cannot begin here, for it would not be a node of the tree.
        """
        if self.size & (1 << level) - 1:
            raise ValueError(f"A subtree of {1 << level} leaves cannot begin at leaf {self.size}.")
        completed = []
        self.size += 1 << level
        index = (self.size >> level) - 1
        while index & 1:
            node = node_hash(self._peaks.pop(), node)
            level, index = level + 1, index >> 1
            completed.append((level, index, node))
        self._peaks.append(node)
        return completed

    def root(self) -> bytes:
        if not self._peaks:
            return EMPTY_ROOT
        node = self._peaks[-1]
        for left in reversed(self._peaks[:-1]):
            node = node_hash(left, node)
        return node


def root_of(leaves: Iterable[bytes]) -> bytes:
    tree = Growing()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def gaps(size: int, included: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The ranges [low, high) of a tree of `size` leaves whose hashes prove the `included` leaves.

    `included` is sorted. The order is that of a walk from the root, left before right, which stops
    wherever a range holds no included leaf (see `docs/bundle-format.md`, proof.bin).
    """
    remaining = iter(included)
    upcoming = next(remaining, size)
    stack = [(0, size)] if size else []
    while stack:
        low, high = stack.pop()
        if upcoming >= high:
            yield low, high
        elif high - low == 1:
            upcoming = next(remaining, size)
        else:
            middle = low + split(high - low)
            stack += [(middle, high), (low, middle)]


def subtrees(low: int, high: int) -> list[tuple[int, int]]:
    """The complete subtrees that make up a range met by `gaps`, left to right."""
    return [(level, index + (low >> level)) for level, index in peaks(high - low)]


def join(hashes: Sequence[bytes]) -> bytes:
    """The hash of a range, from those of its `subtrees`."""
    node = hashes[-1]
    for left in reversed(hashes[:-1]):
        node = node_hash(left, node)
    return node


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of one leaf (RFC 9162, 2.1.3.1), lowest first; for trees held in memory."""
    if len(leaves) <= 1:
        return []
    middle = split(len(leaves))
    if index < middle:
        return [*inclusion_proof(leaves[:middle], index), root_of(leaves[middle:])]
    return [*inclusion_proof(leaves[middle:], index - middle), root_of(leaves[:middle])]


def inclusion_ranges(size: int, index: int) -> list[tuple[int, int]]:
    """The ranges [low, high) whose hashes are the audit path of one leaf, lowest first."""
    ranges = []
    low, high = 0, size
    while high - low > 1:
        middle = low + split(high - low)
        if index < middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    return ranges[::-1]


def root_from_path(size: int, index: int, leaf: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root that an audit path leads to (RFC 9162, 2.1.3.2); None where it has the wrong length."""
    if not 0 <= index < size:
        return None
    at, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        at, last = at >> 1, last >> 1
    return node if last == 0 else None


def root_from_gaps(size: int, leaves: Iterable[tuple[int, bytes]], hashes: Iterable[bytes]) -> bytes:
    """The root of a tree from some leaves, in order, and the hashes of `gaps` between them.

    Raises:
        ValueError: there are more or fewer of either than the tree takes.
    """
    known, filling, nodes = iter(leaves), iter(hashes), list[bytes]()
    upcoming = next(known, (size, b""))
    # (low, high), or (-1, -1) where the two nodes on top belong together.
    stack = [(0, size)] if size else []
    while stack:
        low, high = stack.pop()
        if low < 0:
            right = nodes.pop()
            nodes.append(node_hash(nodes.pop(), right))
        elif upcoming[0] >= high:
            if (filled := next(filling, None)) is None:
                break
            nodes.append(filled)
        elif high - low == 1:
            nodes.append(upcoming[1])
            upcoming = next(known, (size, b""))
        else:
            middle = low + split(high - low)
            stack += [(-1, -1), (middle, high), (low, middle)]
    if stack or upcoming[0] < size or len(nodes) != bool(size) or next(filling, None) is not None:
        raise ValueError("The leaves and hashes do not make up the tree.")
    return nodes[0] if nodes else EMPTY_ROOT


def consistency_ranges(first: int, second: int) -> list[tuple[int, int]]:
    """The ranges [low, high) whose hashes prove that a tree of `first` leaves begins one of `second`.

    In the order of RFC 9162, 2.1.4.1; empty where either proves itself (nothing, or the same tree).
    """
    if not 0 < first < second:
        return []
    ranges = []
    low, high, whole = 0, second, True
    while (size := high - low) != first - low:
        middle = low + split(size)
        if first <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low, whole = middle, False
    if not whole:
        ranges.append((low, high))
    return ranges[::-1]


def check_consistency(
    first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether `proof` shows that `second` leaves continue the first `first` of them (RFC 9162, 2.1.4.2)."""
    if not 0 <= first <= second:
        return False
    if first == second:
        return first_root == second_root and not proof
    if first == 0:
        return first_root == EMPTY_ROOT and not proof
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    hashes = iter(proof)
    start = first_root if first & (first - 1) == 0 else next(hashes, b"")
    old = new = start
    for sibling in hashes:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and (old, new) == (first_root, second_root)
