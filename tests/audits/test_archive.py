import hashlib
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits import archive
from audits.archive import Archive
from audits.verify import verify

names = st.text(alphabet="abcxyz019-_.", min_size=1, max_size=12).filter(verify.is_path)


def written(files: dict[str, list[bytes]], *, stored: bool = False) -> tuple[bytes, Archive]:
    buffer = io.BytesIO()
    made = Archive(buffer)
    for name, chunks in files.items():
        made.add(name, chunks, stored=stored)
    made.close()
    return buffer.getvalue(), made


@given(st.dictionaries(names, st.lists(st.binary(max_size=50), max_size=4), max_size=5), st.booleans())
def test_any_zip_tool_reads_it(files: dict[str, list[bytes]], stored: bool) -> None:  # noqa: FBT001
    content, _ = written(files, stored=stored)
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == {
            name: b"".join(chunks) for name, chunks in files.items()
        }


@given(st.dictionaries(names, st.lists(st.binary(max_size=50), max_size=4), min_size=1, max_size=5))
def test_the_verifier_accounts_for_every_byte(files: dict[str, list[bytes]]) -> None:
    content, made = written(files)
    members = verify.read_members(io.BytesIO(content))
    assert list(members) == [member.path for member in made.members]


def test_the_same_content_gives_the_same_file() -> None:
    files = {"a": [b"one", b"two"], "b": [b"x" * 100_000]}
    assert written(files)[0] == written(files)[0]


def test_a_member_knows_its_digests() -> None:
    content, made = written({"a.txt": [b"hello ", b"hello"]})
    [member] = made.members
    assert member.description == {
        "path": "a.txt",
        "size": 11,
        "sha256": hashlib.sha256(b"hello hello").hexdigest(),
        "packed_size": member.packed_size,
        "packed_sha256": hashlib.sha256(content[35 : 35 + member.packed_size]).hexdigest(),
    }


@pytest.mark.parametrize(("limit", "members"), [(200, 2**16 - 1), (2**32 - 1, 4), (60, 4), (5, 2**16 - 1)])
def test_what_does_not_fit_stands_in_zip64_fields(
    limit: int, members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with 4 GiB and 65,535 members, with smaller numbers: any tool reads it, and no byte is free."""
    for module in (archive, verify):
        monkeypatch.setattr(module, "LIMIT", limit)
        monkeypatch.setattr(module, "MEMBERS", members)
    files = {f"file-{number}": [b"x" * 70 * number] for number in range(6)}
    content, made = written(files, stored=True)
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == {
            name: b"".join(chunks) for name, chunks in files.items()
        }
    assert list(verify.read_members(io.BytesIO(content))) == [member.path for member in made.members]
    starts = [m.offset + 30 + len(m.path) + 20 * (m.size >= limit) for m in made.members]
    inside = {
        at for start, m in zip(starts, made.members, strict=True) for at in range(start, start + m.size)
    }
    between = sorted(set(range(len(content))) - inside)
    for at in between[:: max(len(between) // 150, 1)]:
        changed = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        with pytest.raises((verify.Wrong, verify.Unreadable)):
            verify.read_members(io.BytesIO(changed))


def test_everything_out_of_its_one_place_is_refused() -> None:
    content, _ = written({"a": [b"1"], "b": [b"2"]})
    twice, _ = written({"a": [b"1"]})
    twice = twice[: twice.index(b"PK\1\2")]
    for changed, words in (
        (content + b"\0", "directory"),
        (content[:-1], "directory"),
        (b"\0" + content, "no bundle"),
        (twice + content, "twice"),
        (content.replace(b"a", b"/", 1), "no bundle contains"),
        (content[:20], "no bundle"),
    ):
        with pytest.raises((verify.Wrong, verify.Unreadable), match=words):
            verify.read_members(io.BytesIO(changed))
