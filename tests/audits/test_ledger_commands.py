import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.utils import timezone

from agents.models import Agent
from audits import keys
from audits.models import Body, Bundle, Case, Pending
from audits.services import sealing
from audits.verify import verify
from tests.audits.bundling import unpack, verdict
from tests.audits.happenings import happen, take_triggers_off

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a management command."""
    output, errors = io.StringIO(), io.StringIO()
    try:
        call_command(*arguments, stdout=output, stderr=errors)
    except SystemExit as stop:
        return int(str(stop.code)), output.getvalue(), errors.getvalue()
    except CommandError as error:
        return error.returncode, output.getvalue(), str(error)
    return 0, output.getvalue(), errors.getvalue()


def test_verify_says_that_all_is_well() -> None:
    happen(3)
    sealing.seal()
    happen(1)
    code, words, _ = run("ledger", "verify")
    assert code == 0
    assert words.startswith("Sound: 3 entries in 1 streams, 1 checkpoints")
    assert "1 events waiting" in words


def test_verify_names_the_first_wrong_event_with_code_1() -> None:
    events = happen(3)
    sealing.seal()
    take_triggers_off()
    Body.objects.filter(event_id=events[1].pk).update(body_box=b"{}")
    code, words, errors = run("ledger", "verify")
    assert code == 1
    assert words.startswith(f"WRONG, at entry 1, event {events[1].pk}: The event's body was changed")
    assert "append-only are off" in errors
    code, words, _ = run("ledger", "verify", "--json")
    report = json.loads(words)
    assert (code, report["sound"], report["entries"]) == (1, False, 1)
    assert report["place"] == f"entry 1, event {events[1].pk}"


def test_verify_as_json() -> None:
    happen(2)
    sealing.seal()
    code, words, _ = run("ledger", "verify", "--json")
    report = json.loads(words)
    assert (code, report["sound"], report["problem"], report["entries"]) == (0, True, "", 2)
    assert report["key"] == str(keys.ledger_verifier())


def test_without_keys_it_is_unable(settings: LazySettings, tmp_path: Path) -> None:
    settings.KEYS_DIR = tmp_path
    for verb in ("verify", "seal"):
        happen_nothing = run("ledger", verb)
        if verb == "verify":
            assert happen_nothing[0] == 2
            assert "manage.py keys create" in happen_nothing[2]


def test_seal_says_how_many() -> None:
    happen(3)
    assert run("ledger", "seal")[:2] == (0, "3 events sealed.\n")
    assert not Pending.objects.exists()


def test_nothing_to_declare_is_an_error() -> None:
    code, _, errors = run("ledger", "declare", "--reason", "none")
    assert (code, "nothing to declare" in errors) == (2, True)


def test_keys_are_created_once_and_shown(settings: LazySettings, tmp_path: Path) -> None:
    settings.KEYS_DIR = tmp_path / "keys"
    assert run("keys", "show")[0] == 2
    code, words, _ = run("keys", "create")
    assert code == 0
    assert "seal.key, mac.key, export.key created." in words
    assert keys.seal().verifier.id in words
    assert "complete." in run("keys", "create")[1]
    shown = run("keys", "show")[1]
    assert str(keys.export().verifier) in shown
    assert hashlib.sha256(Path(verify.__file__).read_bytes()).hexdigest() in shown


# --- bundle build -------------------------------------------------------------------------------------
@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, settings: LazySettings) -> None:
    settings.BUNDLES_DIR = tmp_path / "bundles"


def test_a_bundle_of_an_agent(analyst: Agent, tmp_path: Path) -> None:
    out = tmp_path / "evidence.zip"
    code, words, errors = run("bundle", "build", "--agent", analyst.slug, "--out", str(out))
    assert code == 0
    assert "Incomplete: Data-flow map of Vulnerability analyst: none is attached." in errors
    assert words.startswith(f"{out}: ")
    assert "level stream" in words
    assert verdict(out)[0] == 3


@pytest.mark.parametrize(
    ("about", "level"),
    [
        (("--person", "olivia"), "mixed"),
        (("--everything",), "range"),
        (("--case", "A dispute"), "stream"),
    ],
)
def test_a_bundle_of_something_else(
    analyst: Agent, tmp_path: Path, about: tuple[str, ...], level: str
) -> None:
    Case.objects.create(
        name="A dispute", subjects=[analyst.stream], opened_by="person/x", opened_at=timezone.now()
    )
    out = tmp_path / "evidence.zip"
    code, words, _ = run("bundle", "build", *about, "--out", str(out))
    assert (code, f"level {level}" in words) == (0, True)
    assert verdict(out)[0] in {0, 3}


def test_what_the_board_approved_is_in_it(active_analyst: Agent, tmp_path: Path) -> None:
    out = tmp_path / "evidence.zip"
    assert run("bundle", "build", "--agent", active_analyst.slug, "--out", str(out))[0] == 0
    assert f"approvals/{active_analyst.approved_digest}.json" in unpack(out)
    _, words = verdict(out)
    assert "1 approved contents are the ones that the events name" in words


def test_a_date_alone_means_the_whole_day(analyst: Agent, tmp_path: Path) -> None:
    out = tmp_path / "evidence.zip"
    arguments = ("--since", "2020-01-01", "--until", "2099-12-31")
    assert run("bundle", "build", "--agent", analyst.slug, "--out", str(out), *arguments)[0] == 0
    bundle = Bundle.objects.get()
    assert bundle.since is not None
    assert bundle.until is not None
    assert bundle.since.isoformat() == "2020-01-01T00:00:00+00:00"
    assert bundle.until.isoformat() == "2100-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--since", "yesterday"), "--since: 'yesterday' is not a date or time in ISO 8601"),
        (("--until", "2026-13-01"), "--until: '2026-13-01' is not a date"),
        (("--since", "2026-02-30T00:00"), "--since"),
        (("--since", "2026-03-01", "--until", "2026-02-01"), "period is empty"),
    ],
)
def test_bad_input_is_exit_code_2_with_a_sentence(
    analyst: Agent, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    out = tmp_path / "evidence.zip"
    code, _, errors = run("bundle", "build", "--agent", analyst.slug, "--out", str(out), *arguments)
    assert code == 2
    assert words in errors
    assert not out.exists()


def test_an_unknown_agent_is_bad_input(analyst: Agent, tmp_path: Path) -> None:
    code, _, errors = run("bundle", "build", "--agent", "nobody", "--out", str(tmp_path / "x.zip"))
    assert code == 2
    assert "there is no agent 'nobody' (vulnerability-analyst)" in errors


def test_a_directory_that_is_not_there_is_bad_input(analyst: Agent, tmp_path: Path) -> None:
    out: Any = tmp_path / "absent" / "x.zip"
    code, _, errors = run("bundle", "build", "--agent", analyst.slug, "--out", str(out))
    assert (code, "there is no directory" in errors) == (2, True)


def test_a_framework_without_events_cannot_be_built(analyst: Agent, tmp_path: Path) -> None:
    out = tmp_path / "x.zip"
    arguments = ("--agent", analyst.slug, "--out", str(out), "--framework", "nothing")
    code, _, errors = run("bundle", "build", *arguments)
    assert (code, "names the framework 'nothing'" in errors) == (1, True)
