"""A whole installation of its own, as processes: what a user starts, on data that a test may spoil."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Installation:
    """Runs commands as a user would, in an environment that holds nothing but what it was given."""

    data: Path
    variables: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        binaries = str(Path(sys.executable).parent)
        return {
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/"),
            "COUNTERSIGN_SECRET_KEY": "a-key-for-tests-only-" + "x" * 40,
            "COUNTERSIGN_DATA_DIR": str(self.data),
            "COUNTERSIGN_NVD_ONLINE": "false",
            "COUNTERSIGN_MFA": "optional",
            "COUNTERSIGN_RELEASE_SOAK_HOURS": "0",
            "COUNTERSIGN_SECRETS_DIR": str(self.data / "secrets"),
            **self.variables,
        }

    def run(self, *command: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )

    def manage(self, *arguments: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "manage.py", *arguments, timeout=timeout)

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        log = (self.data / f"process-{secrets.token_hex(4)}.log").open("wb")
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        log.close()
        self.processes.append(process)
        return process

    def serve(self, *arguments: str, port: int | None = None) -> str:
        """Start the web server and return its address once it is healthy."""
        port = port or free_port()
        process = self.start(sys.executable, "manage.py", "serve", "--bind", f"127.0.0.1:{port}", *arguments)
        address = f"http://127.0.0.1:{port}"
        self.wait_healthy(address, process)
        return address

    def wait_healthy(self, address: str, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            assert process.poll() is None, f"The server ended with {process.returncode}.\n{self.logs()}"
            try:
                with urllib.request.urlopen(f"{address}/health", timeout=2) as response:  # noqa: S310
                    assert response.status == 200
                    return
            except (URLError, ConnectionError):
                time.sleep(0.1)
        raise AssertionError(f"{address} did not become healthy.\n{self.logs()}")

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.data.glob("process-*.log")))

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)
