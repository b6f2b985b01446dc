"""The commands of docker-compose.yml, run as processes against the real PostgreSQL and Redis."""

import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
import yaml

from tests.everything import POSTGRESQL, answers
from tests.processes.installation import ROOT, Installation

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVER, _, _ = POSTGRESQL.rpartition("/")
DATABASE = "countersign_processes"
REDIS = "redis://127.0.0.1:6379/13"

pytestmark = [pytest.mark.redis, pytest.mark.postgresql]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    if not (answers(5432) and answers(6379)):
        pytest.skip("PostgreSQL on 127.0.0.1:5432 and Redis on 127.0.0.1:6379 are both needed.")
    redis.Redis.from_url(REDIS).flushdb()
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    made = Installation(tmp_path, {"DATABASE_URL": f"{SERVER}/{DATABASE}", "REDIS_URL": REDIS})
    yield made
    made.stop()
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")


def command(service: str, **replaced: str) -> list[str]:
    """A service's command from the file, with what a container would have of its own replaced."""
    words = [str(word) for word in COMPOSE["services"][service]["command"]]
    return [replaced.get(word, word) for word in words]


def test_portal_worker_and_beat_work_together(installation: Installation, tmp_path: Path) -> None:
    assert installation.run(*command("prepare")).returncode == 0
    beat_files = {"/tmp/beat": str(tmp_path / "beat"), "/tmp/beat.pid": str(tmp_path / "beat.pid")}  # noqa: S108
    installation.start(*command("worker"))
    installation.start(*command("beat", **beat_files))
    address = "127.0.0.1:18765"
    portal = installation.start(*command("portal", **{"0.0.0.0:8000": address}))
    installation.wait_healthy(f"http://{address}", portal)

    ping = installation.run("celery", "-A", "portal", "inspect", "ping", "--timeout", "5", "--json")
    for _attempt in range(5):
        if ping.returncode == 0:
            break
        ping = installation.run("celery", "-A", "portal", "inspect", "ping", "--timeout", "5", "--json")
    assert ping.returncode == 0, ping.stderr + installation.logs()
    assert all("worker@" in name for name in json.loads(ping.stdout))

    queued = installation.manage("shell", "-c", QUEUE_A_BUNDLE)
    assert queued.returncode == 0, queued.stderr
    deadline = time.monotonic() + 60
    state = ""
    while state not in {"ready", "failed"} and time.monotonic() < deadline:
        time.sleep(0.5)
        state = installation.manage("shell", "-c", BUNDLE_STATE).stdout.split()[-1]
    assert state == "ready", installation.logs()

    doctor = installation.manage("doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert "Redis answers" in doctor.stdout
    assert "PostgreSQL answers" in doctor.stdout


def test_the_story_runs_on_postgresql_and_redis(installation: Installation) -> None:
    assert installation.run(*command("prepare")).returncode == 0
    story = installation.manage("demo")
    assert story.returncode == 0, story.stdout + story.stderr


def test_no_secret_stands_in_the_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    for line in text.splitlines():
        name, _, value = line.partition("#")[0].partition(":")
        if any(word in name.upper() for word in ("PASSWORD", "SECRET", "KEY", "DATABASE_URL")):
            assert "${" in value, line


def test_every_service_says_whether_it_is_well() -> None:
    for name, service in COMPOSE["services"].items():
        if name != "prepare":
            assert service["healthcheck"]["test"][0] == "CMD", shlex.join(service["healthcheck"]["test"])


QUEUE_A_BUNDLE = """
from audits.actor import Actor
from audits.queue import enqueue
from audits.services import bundles
from audits.tasks import build_bundle
bundle = bundles.request(actor=Actor.system("test"), kind="agent", streams=["system"], subject="system")
enqueue(build_bundle, str(bundle.pk))
"""
BUNDLE_STATE = "from audits.models import Bundle; print(Bundle.objects.latest('pk').state)"
