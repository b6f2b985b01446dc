"""Cerbos, a policy server in Go, as a floor for decisions: an equivalent policy, each decision kept.

It knows no register and keeps no grants: who asks says what was granted, and the policy compares. Its audit
log is its own local store, which is not synced with each decision and can be changed by its operator.
"""

import json
import shutil
import subprocess
from pathlib import Path

POLICY = """\
apiVersion: api.cerbos.dev/v1
resourcePolicy:
  resource: endpoint
  version: default
  rules:
    - actions: ["get_vulnerability_info"]
      effect: EFFECT_ALLOW
      roles: ["agent"]
      condition:
        match:
          expr: request.principal.attr.grants.exists(it, it == "get_vulnerability_info endpoint/nvd")
"""
SETTINGS = """\
server: {{httpListenAddr: "127.0.0.1:{port}", grpcListenAddr: "127.0.0.1:{other}"}}
storage: {{driver: disk, disk: {{directory: {folder}/policies}}}}
telemetry: {{disabled: true}}
audit:
  enabled: true
  accessLogsEnabled: false
  decisionLogsEnabled: true
  backend: local
  local: {{storagePath: {folder}/audit}}
"""
PATH = "/api/check/resources"
BODY = json.dumps(
    {
        "requestId": "benchmark",
        "principal": {
            "id": "spiffe://benchmark",
            "roles": ["agent"],
            "attr": {"grants": ["get_vulnerability_info endpoint/nvd"]},
        },
        "resources": [{"actions": ["get_vulnerability_info"], "resource": {"kind": "endpoint", "id": "nvd"}}],
    }
).encode()


def install(folder: Path) -> Path | None:
    """Its binary, from npm; None where there is no npm, or nothing to install it from."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    subprocess.run([npm, "install", "--silent", "cerbos"], cwd=folder, capture_output=True, check=False)
    found = folder / "node_modules" / ".bin" / "cerbos"
    return found if found.exists() else None


def configured(binary: Path, folder: Path, port: int, other: int) -> list[str]:
    """The command that serves it on `port`."""
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "policies" / "endpoint.yaml").write_text(POLICY)
    settings = folder / "settings.yaml"
    settings.write_text(SETTINGS.format(port=port, other=other, folder=folder))
    return [str(binary), "server", "--config", str(settings)]


def allowed(answer: dict[str, object]) -> bool:
    results = answer["results"]
    assert isinstance(results, list)
    return bool(results[0]["actions"] == {"get_vulnerability_info": "EFFECT_ALLOW"})
