"""docs/integrate.md as somebody follows it: an agent of one's own, from the register to a governed call."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes.installation import ROOT, Installation, free_port

CLIENT = ROOT / "clients/python"
EXAMPLES = CLIENT / "examples"


@pytest.fixture
def served(installation: Installation) -> str:
    """The demo's portal with the stock agent approved."""
    port = free_port()
    installation.variables["COUNTERSIGN_ISSUER"] = f"http://127.0.0.1:{port}"
    entry = str(EXAMPLES / "stock-agent.yaml")
    for command in (
        ("demo",),
        ("register", "import", entry, "--as", "olivia"),
        ("demo_approve", "stock-agent"),
    ):
        done = installation.manage(*command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return installation.serve(port=port)


def credential(installation: Installation) -> str:
    done = installation.manage("enforcement_point", "add", "stock")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def environment(**more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(CLIENT / "src"), **more}


def example(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def provision(installation: Installation, folder: Path) -> tuple[Path, str]:
    """A key of the agent's own, and the name of the copy that has it."""
    private, public = folder / "agent.pem", folder / "agent.pub"
    made = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        capture_output=True,
        check=True,
    )
    private.write_bytes(made.stdout)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    done = installation.manage("instance", "add", "stock-agent", "--key", str(public), "--as", "olivia")
    assert done.returncode == 0, done.stderr
    return private, done.stdout.split()[0]


def test_functions_and_an_api_are_protected(installation: Installation, served: str, tmp_path: Path) -> None:
    known = {"COUNTERSIGN_URL": served, "COUNTERSIGN_POINT": credential(installation)}
    key, name = provision(installation, tmp_path)
    ran = example("protect_a_function.py", **known)
    assert ran.returncode == 1, ran.stderr
    assert ran.stdout.startswith("read: Cable, 2 m\ndenied (no_elevation): Writing needs")
    port = str(free_port())
    agent = {
        "COUNTERSIGN_URL": served,
        "COUNTERSIGN_KEY": str(key),
        "COUNTERSIGN_CLIENT_ID": name,
        "API_URL": f"http://127.0.0.1:{port}",
    }
    api = subprocess.Popen(
        [sys.executable, str(EXAMPLES / "protect_an_api.py")],
        env=environment(**known, PORT=port),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert api.stdout is not None
    with api:
        try:
            assert api.stdout.readline() == f"serving http://127.0.0.1:{port}\n"
            read = example("an_agent.py", "read", **agent)
            assert (read.returncode, read.stdout) == (0, '{"name": "Cable, 2 m", "notes": []}\n'), read
            write = example("an_agent.py", "write", **agent)
            assert (write.returncode, write.stdout[:21]) == (1, "denied (no_elevation)"), write
        finally:
            api.terminate()


def test_the_demo_approves_only_its_own(installation: Installation) -> None:
    assert installation.manage("person", "add", "mallory", "--invite").returncode == 0
    refused = installation.manage("demo_approve", "stock-agent")
    assert refused.returncode == 2
    assert "people or agents of your own" in refused.stderr
