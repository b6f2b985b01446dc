"""Bad input for every command: one sentence that says how to mend it, exit code 2, nothing half done."""

import socket
import sys
from pathlib import Path

import pytest

from tests.processes.installation import ROOT, Installation

REPORT = str(ROOT / "demo" / "report.json")


def refused(installation: Installation, *arguments: str, code: int = 2) -> str:
    """What a command that must be refused says; it says it without a traceback."""
    result = installation.manage(*arguments)
    assert result.returncode == code, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert "Warning" not in result.stderr
    return result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("ingest", REPORT),
        ("bundle", "build", "--agent", "vulnerability-analyst", "--out", "evidence.zip"),
        ("person", "add", "ada"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_before_prepare_a_command_says_so(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    words = refused(Installation(tmp_path / "absent"), *arguments)
    assert "database" in words
    assert "manage.py doctor" in words
    assert not (tmp_path / "absent").exists()


def test_before_prepare_nothing_is_served(tmp_path: Path) -> None:
    assert "manage.py prepare" in refused(Installation(tmp_path / "absent"), "serve")


def test_a_data_folder_that_cannot_be_made_is_named() -> None:
    words = refused(Installation(Path("/proc/countersign")), "prepare")
    assert "/proc/countersign" in words
    assert "COUNTERSIGN_DATA_DIR" in words


def test_a_taken_port_is_named_at_once(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        words = refused(installation, "serve", "--bind", address)
    assert address in words
    assert "PORT=" in words


def test_wrong_arguments_are_named(installation: Installation) -> None:
    for bind in ("8000", "127.0.0.1:99999"):
        assert "127.0.0.1:8000" in refused(installation, "serve", "--bind", bind)
    assert "whole number from 1" in refused(installation, "serve", "--threads", "0")
    assert "CVE-2021-44228" in refused(installation, "nvd", "show", "log4shell")


def test_a_bundle_replaces_nothing_and_leaves_nothing_half_done(
    installation: Installation, tmp_path: Path
) -> None:
    made = installation.manage("shell", "-c", REGISTER_AN_AGENT)
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "evidence"
    folder.mkdir()
    kept = folder / "kept.zip"
    kept.write_text("somebody's own", encoding="ascii")
    build = ("bundle", "build", "--agent", "vulnerability-analyst", "--out")
    assert "exists" in refused(installation, *build, str(kept))
    assert "exists" in refused(installation, *build, str(folder))
    assert "no directory" in refused(installation, *build, str(folder / "absent" / "x.zip"))
    assert "cannot be written" in refused(installation, *build, "/proc/evidence.zip")
    new = str(folder / "new.zip")
    assert "ISO 8601" in refused(installation, *build, new, "--since", "0001-01-01T00:00+14:00")
    assert "characters" in refused(installation, *build, new, "--framework", "x" * 65)
    assert "names the framework" in refused(installation, *build, new, "--framework", "none", code=1)
    assert [path.name for path in folder.iterdir()] == ["kept.zip"]
    assert kept.read_text(encoding="ascii") == "somebody's own"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "REDIS_URL is not set"),
        ({"REDIS_URL": "127.0.0.1:6379"}, "REDIS_URL must start with"),
        ({"OPENAI_MODEL": "some-model"}, "OPENAI_BASE_URL"),
    ],
)
def test_a_worker_with_wrong_settings_does_not_start(
    tmp_path: Path, variables: dict[str, str], words: str
) -> None:
    result = Installation(tmp_path, variables).run(sys.executable, "-m", "celery", "-A", "portal", "worker")
    assert result.returncode == 2, result.stdout + result.stderr
    assert words in result.stderr
    assert "Traceback" not in result.stderr


REGISTER_AN_AGENT = """
from agents.services import people, register
from audits.actor import Actor
owner = people.add_person(actor=Actor.system("test"), username="olivia", first_name="O", last_name="M",
                          email="o@example.org", password="correct-horse-battery-staple", groups=["Owners"])
register.register_agent(actor=owner, slug="vulnerability-analyst", name="Analyst", purpose="Reads reports.",
                        business_unit="Security", owner=owner)
"""
