"""Missing or malformed settings: the process refuses to start and says which and how to mend it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal.environment import Environment

ROOT = Path(__file__).resolve().parents[2]
GOOD = {"COUNTERSIGN_SECRET_KEY": "k" * 50}


def start(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "COUNTERSIGN_DATA_DIR": str(tmp_path), **variables}
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_good_settings_start(tmp_path: Path) -> None:
    assert start(tmp_path, **GOOD).returncode == 0


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"COUNTERSIGN_SECRET_KEY": "short"}, ("COUNTERSIGN_SECRET_KEY", "32 characters")),
        ({"COUNTERSIGN_DEBUG": "maybe"}, ("COUNTERSIGN_DEBUG", "true or false")),
        ({"COUNTERSIGN_RUN_MAX_TURNS": "0"}, ("COUNTERSIGN_RUN_MAX_TURNS", "from 1 to 50")),
        ({"COUNTERSIGN_RUN_MAX_TURN": "5"}, ("COUNTERSIGN_RUN_MAX_TURN", "Known ones")),
        ({"DATABASE_URL": "mysql://user:hunter2@db/x"}, ("DATABASE_URL", "postgres://")),
        ({"COUNTERSIGN_CLIENT_CERTIFICATE": "pem"}, ("COUNTERSIGN_CLIENT_CERTIFICATE", "xfcc, rfc9440")),
        ({"COUNTERSIGN_CLIENT_CERTIFICATE_METHODS": "none"}, ("METHODS", "self_signed_tls_client_auth")),
        ({"COUNTERSIGN_TRUSTED_PROXIES": "10.0.0.1/8"}, ("COUNTERSIGN_TRUSTED_PROXIES", "10.1.0.0/16")),
        ({"COUNTERSIGN_TRUSTED_PROXIES": "0.0.0.0/0"}, ("COUNTERSIGN_TRUSTED_PROXIES", "everybody")),
        ({"REDIS_URL": "127.0.0.1:6379"}, ("REDIS_URL", "redis://")),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, ("OPENAI_MODEL", "embedded planner")),
        ({"COUNTERSIGN_SECRET_KEY_FILE": "/nowhere"}, ("COUNTERSIGN_SECRET_KEY_FILE",)),
    ],
)
def test_a_bad_setting_is_named(tmp_path: Path, variables: dict[str, str], words: tuple[str, ...]) -> None:
    result = start(tmp_path, **(GOOD | variables))
    assert result.returncode == 2
    assert all(word in result.stderr for word in words), result.stderr
    assert "Traceback" not in result.stderr
    assert "hunter2" not in result.stderr


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("s" * 40 + "\n", encoding="ascii")
    environment = Environment({"COUNTERSIGN_SECRET_KEY_FILE": str(path)})
    assert environment.secret("COUNTERSIGN_SECRET_KEY", mend="") == "s" * 40
    environment.refuse_unknown()


def test_a_missing_secret_says_how_to_mend_it() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"X is not set\. Do this\."):
        Environment({}).secret("X", mend="Do this.")
