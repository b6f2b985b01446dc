"""What the limit and a minted credential cost: `python benchmarks/limiter.py`.

Counted in a database in a temporary folder, and where `REDIS_URL` is set in that Redis as well, which is not
used for anything else and keeps the counts for an hour at most. The floors are measured in the same run, turn
by turn: for the limit one conditional UPDATE of a row in a transaction of its own; for a token one recorded
event, which is the least that anything durable costs here. Each flood is counted: exactly N of N are allowed.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
FOLDER = tempfile.TemporaryDirectory(prefix="countersign-bench-")
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "portal.settings",
    "COUNTERSIGN_SECRET_KEY": "x" * 50,
    "COUNTERSIGN_DATA_DIR": FOLDER.name,
    "COUNTERSIGN_MFA": "optional",
    "COUNTERSIGN_NVD_ONLINE": "false",
    "COUNTERSIGN_LOG_LEVEL": "ERROR",
    "COUNTERSIGN_TOKENS_PER_MINUTE": "100000",
    "COUNTERSIGN_LIVE_TOKENS": "10000",
    "DATABASE_URL": f"sqlite:///{FOLDER.name}/bench.sqlite3",
}
# Not a broker: what the demo queues is nothing for somebody's workers.
REDIS = os.environ.pop("REDIS_URL", "")

import django  # noqa: E402

django.setup()

import jwt  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connection, connections, transaction  # noqa: E402
from django.db.models import F  # noqa: E402

from agents import rate  # noqa: E402
from agents.analyst import SLUG  # noqa: E402
from agents.models import Agent, AgentInstance, Allowance  # noqa: E402
from agents.services import copies, tokens  # noqa: E402
from agents.services.clients import Shown  # noqa: E402
from audits.actor import Actor  # noqa: E402
from audits.choices import Action  # noqa: E402
from audits.services import ledger  # noqa: E402

BENCHMARK = Actor.system("benchmark")
LOOKUP, NVD = "get_vulnerability_info", "endpoint/nvd"
THREADS = 64
TURNS = 3
HOUR = timedelta(hours=1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each is repeated")
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    options = parser.parse_args()
    manage("prepare")
    manage("demo")
    floor, rows, floods = update_a_row(), [], []
    for where in ("database", *(["redis"] if REDIS else [])):
        settings.LIMITER, settings.REDIS_URL = where, REDIS
        verb = partial(rate.allow, str(uuid4()), times=10**6, window=HOUR)
        rows.append(compared(f"the limit, counted in the {where}", verb, floor, options.seconds))
        floods.append(flood(where))
    settings.LIMITER = "database"
    rows.append(compared("a minted token", minting(), one_event, options.seconds))
    show(rows, floods)
    if options.save:
        save({"rows": rows, "floods": floods})
    FOLDER.cleanup()
    return 0 if all(each["allowed"] == each["limit"] for each in floods) else 1


def per_second(verb: Callable[[], object], seconds: float) -> float:
    done, begun = 0, time.perf_counter()
    while time.perf_counter() < begun + seconds:
        verb()
        done += 1
    return done / (time.perf_counter() - begun)


def compared(
    what: str, verb: Callable[[], object], floor: Callable[[], object], seconds: float
) -> dict[str, Any]:
    """Both in turns, so that a machine that is busy with something else slows both; the medians."""
    found = [(per_second(verb, seconds / TURNS), per_second(floor, seconds / TURNS)) for _ in range(TURNS)]
    ours, bare = (median(each) for each in zip(*found, strict=True))
    return {"what": what, "per_second": ours, "floor": bare, "ratio": ours / bare}


def manage(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


def update_a_row() -> Callable[[], object]:
    Allowance.objects.create(name="bench-floor", arrival=0)

    def update() -> None:
        with transaction.atomic():
            Allowance.objects.filter(name="bench-floor", arrival__gte=0).update(arrival=F("arrival") + 1)

    return update


def one_event() -> None:
    with transaction.atomic():
        ledger.record(
            stream="system",
            action=Action.TOKEN_REFUSED,
            actor=BENCHMARK,
            object="benchmark/1",
            body={"error": "none"},
        )


def minting() -> Callable[[], object]:
    """The whole of the token endpoint but HTTP: assertion, decision, credential, both recorded."""
    agent = Agent.objects.get(slug=SLUG)
    key = ec.generate_private_key(ec.SECP256R1())
    assert agent.active_version is not None
    jwk: Any = jwt.get_algorithm_by_name("ES256").to_jwk(key.public_key(), as_dict=True)
    instance = copies.provision(actor=agent.owner, agent=agent, version=agent.active_version, jwk=jwk, days=1)
    return lambda: tokens.issue(
        asked=tokens.Asked(Shown(asserted(instance, key)), task(), "", "http://x/oauth/token")
    )


def asserted(instance: AgentInstance, key: Any) -> str:
    now = int(time.time())
    claims = {"iss": instance.spiffe_id, "sub": instance.spiffe_id, "aud": settings.ISSUER}
    return jwt.encode(claims | {"jti": str(uuid4()), "iat": now, "exp": now + 60}, key, algorithm="ES256")


def task() -> str:
    wanted = {"type": "agent_task", "actions": [LOOKUP], "locations": ["https://nvd.example.org"]}
    return json.dumps([wanted | {"identifier": NVD, "intent": "Measure."}])


def flood(where: str, limit: int = 100, each: int = 10) -> dict[str, Any]:
    """64 threads that ask ten times each, at the same moment."""
    name, together = str(uuid4()), Barrier(THREADS)
    allowed: list[bool] = []

    def run() -> None:
        try:
            together.wait()
            allowed.extend(rate.allow(name, times=limit, window=HOUR) for _ in range(each))
        finally:
            connections.close_all()

    threads = [Thread(target=run) for _ in range(THREADS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asked = len(allowed)
    taken = time.perf_counter() - begun
    return {"where": where, "limit": limit, "asked": asked, "allowed": sum(allowed), "seconds": taken}


def show(rows: list[dict[str, Any]], floods: list[dict[str, Any]]) -> None:
    print(f"{'':40}{'a second':>12}{'floor':>12}{'ratio':>8}")
    for each in rows:
        print(f"{each['what']:40}{each['per_second']:12.0f}{each['floor']:12.0f}{each['ratio']:8.2f}")
    for each in floods:
        print(
            f"{THREADS} threads, {each['asked']} calls, counted in the {each['where']}: "
            f"{each['allowed']} of {each['limit']} allowed, in {each['seconds']:.2f} s"
        )


def save(found: dict[str, Any]) -> None:
    results = ROOT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    machine = {
        "processor": f"{os.cpu_count()} x {platform.machine()}",
        "python": platform.python_version(),
        "django": django.get_version(),
        "database": connection.vendor,
        "redis": bool(REDIS),
    }
    (results / "limiter.json").write_text(json.dumps({"machine": machine, **found}, indent=2) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
