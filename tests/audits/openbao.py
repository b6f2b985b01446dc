"""A real OpenBao, started for a test module: in memory, on this machine, with nothing in it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.processes.installation import free_port

TOKEN = "root-token-of-this-test"
PATIENCE_SECONDS = 30


@dataclass
class Bao:
    """A development server with the transit engine, and with the KV engine, version 2, at `secret`."""

    address: str

    def ask(self, method: str, path: str, content: dict[str, Any] | None = None) -> httpx2.Response:
        return httpx2.request(
            method,
            f"{self.address}/v1/{path}",
            headers={"X-Vault-Token": TOKEN},
            json=content,
            trust_env=False,
        )


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bao]:
    port = free_port()
    directory = tmp_path_factory.mktemp("bao")
    binary = Path(sys.executable).with_name("bao")
    log = (directory / "log").open("wb")
    process = subprocess.Popen(
        [binary, "server", "-dev", f"-dev-listen-address=127.0.0.1:{port}", f"-dev-root-token-id={TOKEN}"],
        env={"PATH": os.environ["PATH"], "HOME": str(directory)}, cwd=directory, stdout=log, stderr=log,
    )  # fmt: skip
    server = Bao(f"http://127.0.0.1:{port}")
    try:
        _wait(server, process)
        assert server.ask("POST", "sys/mounts/transit", {"type": "transit"}).is_success
        yield server
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def _wait(server: Bao, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            if server.ask("GET", "sys/health").is_success:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError("OpenBao did not start.")
