"""Documents that the evidence about an agent needs (S1-20): attached, kept, and in every bundle."""

import hashlib
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import DatabaseError, transaction

from agents.choices import DocumentKind
from agents.models import Agent, AgentDocument, Person
from agents.services import documents
from audits.choices import BundleKind
from audits.errors import Conflict, Denied, Invalid
from audits.models import Bundle, Event
from audits.services import bundles
from portal.demo import papers
from tests.audits.bundling import pack, unpack, verdict
from tests.audits.happenings import TESTER

pytestmark = pytest.mark.django_db
TEXT = b"It may read."


def attach(person: Person, agent: Agent, content: bytes = TEXT, **words: str) -> AgentDocument:
    given = {"title": "What it may do", "file_name": "policy.txt"} | words
    return documents.attach(actor=person, agent=agent, kind=DocumentKind.POLICY, content=content, **given)


def built(agent: Agent) -> Bundle:
    requested = bundles.request(
        actor=TESTER, kind=BundleKind.AGENT, subject=agent.name, streams=[agent.stream]
    )
    return bundles.build(bundle_id=requested.pk)


def test_the_owner_attaches_and_the_ledger_holds_the_digest(olivia: Person, analyst: Agent) -> None:
    document = attach(olivia, analyst)
    digest = hashlib.sha256(TEXT).hexdigest()
    assert (document.sha256, document.size, bytes(document.content)) == (digest, len(TEXT), TEXT)
    event = Event.objects.get(action="document.attached")
    assert (event.stream, event.details["sha256"]) == (analyst.stream, digest)


def test_others_may_not(oscar: Person, analyst: Agent) -> None:
    with pytest.raises(Denied, match="may change it"):
        attach(oscar, analyst)
    assert Event.objects.get(action="document.attached").outcome == "denied"
    assert not AgentDocument.objects.exists()


def test_what_cannot_be_kept_is_refused(olivia: Person, analyst: Agent, settings: LazySettings) -> None:
    settings.DOCUMENT_MAX_BYTES = 1024
    for content, words in ((b"", "at least one"), (b"x" * 1025, "at most 1,024")):
        with pytest.raises(Invalid, match=words):
            attach(olivia, analyst, content)
    with pytest.raises(Invalid, match="title"):
        attach(olivia, analyst, title=" ")
    attach(olivia, analyst)
    with pytest.raises(Conflict, match="already"):
        attach(olivia, analyst, title="Again")


def test_it_does_not_change(olivia: Person, analyst: Agent) -> None:
    attach(olivia, analyst)
    for attack in (
        lambda: AgentDocument.objects.update(content=b"It may write."),
        lambda: AgentDocument.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
            attack()


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("a.pdf", ".pdf"),
        ("../../x.TXT", ".txt"),
        ("none", ""),
        ("x.h\u00e9", ""),
        ("x.longerthan8", ""),
        ("a.b/c", ""),
    ],
)
def test_in_a_bundle_its_name_is_its_digest(olivia: Person, analyst: Agent, name: str, ending: str) -> None:
    document = attach(olivia, analyst, file_name=name)
    assert document.bundle_path == f"documents/{document.sha256}{ending}"


def test_without_them_a_bundle_is_incomplete_and_with_them_it_verifies(
    olivia: Person, active_analyst: Agent, settings: LazySettings, tmp_path: Path
) -> None:
    settings.BUNDLES_DIR = tmp_path
    bare = built(active_analyst)
    assert [sentence.partition(" of ")[0] for sentence in bare.incomplete] == [
        "Architecture diagram", "Data-flow map", "Policy document", "Testing record"
    ]  # fmt: skip
    assert verdict(bare.path)[0] == 3
    assert papers.attach(olivia, active_analyst) == 4
    whole = built(active_analyst)
    code, words = verdict(whole.path)
    assert (code, whole.incomplete) == (0, []), words
    assert "4 attached documents are the ones that the events name" in words
    files = unpack(whole.path)
    assert any(b"No incident was recorded" in content for content in files.values())
    path = next(path for path in files if path.startswith("documents/"))
    code, words = verdict(pack(files | {path: b"swapped"}, tmp_path / "forged.zip"))
    assert (code, "does not have the digest in its name" in words) == (1, True)
    left_out = {name: content for name, content in files.items() if name != path}
    code, words = verdict(pack(left_out, tmp_path / "forged.zip"))
    assert (code, "is missing" in words) == (1, True)
