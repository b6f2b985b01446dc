"""The examples in the docs are what pipelines copy: they parse, and their scripts run as they stand."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.models import Agent
from tests.ci.asking import Asker

EXAMPLES = Path(__file__).parents[2] / "docs" / "ci"
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def example(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text())


def script_of(name: str) -> str:
    """What the pipeline runs, as one script; the shell stops at the first failure, as CI does."""
    document = example(name)
    if name.startswith("gitlab"):
        return "\n".join(document["gate"]["script"])
    (step,) = document["jobs"]["gate"]["steps"]
    return str(step["run"])


def test_nothing_is_deployed_before_the_gate() -> None:
    assert example("github-actions.yml")["jobs"]["deploy"]["needs"] == "gate"
    assert example("gitlab-ci.yml")["deploy"]["needs"] == ["gate"]


@needs_curl
@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_the_script_says_yes_and_no(name: str, live_server: Any, deployable: Agent, tmp_path: Path) -> None:
    version = deployable.active_version
    assert version is not None
    asker = Asker(deployable)

    def run(label: str, credential: str = asker.credential) -> subprocess.CompletedProcess[str]:
        names = {"AGENT": deployable.slug, "VERSION": label, "COMMIT": version.code_commit}
        variables = {
            **names,
            **{f"COUNTERSIGN_{key}": value for key, value in names.items()},
            "CI_COMMIT_SHA": version.code_commit,
            "COUNTERSIGN_URL": live_server.url,
            "COUNTERSIGN_CREDENTIAL": credential,
            "PATH": os.environ["PATH"],
        }
        return subprocess.run(
            ["bash", "-e", "-c", script_of(name)],
            cwd=tmp_path, env=variables, capture_output=True, text=True, check=False,
        )  # fmt: skip

    yes, no, stranger = run(version.label), run("9.9"), run(version.label, "cspipe_nobody")
    assert (yes.returncode, no.returncode, stranger.returncode) == (0, 1, 1), (yes, no, stranger)
    assert '"allowed": true' in yes.stdout
    assert "no such version" in no.stdout
    assert "invalid-token" in stranger.stdout
