"""What a decision over HTTP costs, recorded and authenticated: `python benchmarks/decisions.py`.

Served by our own `manage.py serve` on loopback, on a database in a temporary folder in which the demo's
story was played. One floor is the bare decision function in this process, on the same data: recorded as
well, without HTTP, credential and JSON. Others are what an application would write first, views of Django
REST framework (`measuring/idiomatic.py`), and, where npm is there, Cerbos with an equivalent policy
(`measuring/cerbos.py`). Clients and server share the machine's processors.
"""

import argparse
import http.client
import json
import os
import platform
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path
from statistics import median, quantiles
from threading import Thread
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
FOLDER = tempfile.TemporaryDirectory(prefix="countersign-bench-")
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "portal.settings",
    "COUNTERSIGN_SECRET_KEY": "x" * 50,
    "COUNTERSIGN_DATA_DIR": FOLDER.name,
    "COUNTERSIGN_NVD_ONLINE": "false",
    "COUNTERSIGN_MFA": "optional",
    "COUNTERSIGN_LOG_LEVEL": "ERROR",
}
os.environ.setdefault("DATABASE_URL", f"sqlite:///{FOLDER.name}/bench.sqlite3")

import django  # noqa: E402

django.setup()

from django.db import connection  # noqa: E402
from measuring import cerbos  # noqa: E402

from agents import decision_point  # noqa: E402
from agents.analyst import SLUG  # noqa: E402
from agents.choices import Access  # noqa: E402
from agents.models import Agent, AgentInstance, Person  # noqa: E402
from audits.actor import Actor  # noqa: E402
from governance import access  # noqa: E402
from governance.authzen import Action, Entity, Evaluation  # noqa: E402
from governance.choices import Operation, PolicyChoice, ResourceKind, Sensitivity  # noqa: E402
from governance.models import EnforcementPoint, Grant  # noqa: E402
from governance.role_rules import Permission  # noqa: E402
from governance.services import (  # noqa: E402
    agent_roles,
    enforcement_points,
    policies,
    policy_trials,
    policy_votes,
    resources,
    role_assignments,
)
from portal.demo.guardrail import APPROVERS  # noqa: E402
from portal.demo.people import ADMINISTRATOR, played  # noqa: E402

BENCHMARK = Actor.system("benchmark")
SCHEMA = 'entity user; entity record; action "read" appliesTo { principal: user, resource: record };'
POLICY = 'permit (principal == user::"alice", action == Action::"read", resource);'
LOOKUP, NVD = "get_vulnerability_info", "nvd"
FEW, MANY = 10, 100_000
ADDED = "bench-"
GOAL_OF_GRANTS = 1.3
EVALUATION = "/access/v1/evaluation"
SAME, OF_GRANT, CERBOS = "a view that decides the same", "a view that looks for a grant alone", "Cerbos"
VIEWS = {SAME: "/same", OF_GRANT: "/grant"}
GOALS = {SAME: 10.0, CERBOS: 3.0}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each is asked")
    parser.add_argument("--clients", type=int, default=4, help="connections that ask at once")
    parser.add_argument("--grants", type=int, default=MANY, help="as many grants as the large case has")
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    options = parser.parse_args()
    manage("prepare")
    manage("demo")
    instance = running_copy()
    point, credential = enforcement_points.add(actor=BENCHMARK, name="benchmark")
    asker = Asker(point, credential, options)
    rows = [measured("an agent of the register, by a grant", of_the_register(instance), asker)]
    floors = floors_of(instance, credential, options)
    activate_policy()
    rows.append(measured("another type, by a policy", by_policy(), asker))
    show(rows)
    for name, floor in floors.items():
        show_floor(name, rows[0]["http"], floor)
    grants = by_grants(instance, options.grants)
    show_grants("grants", grants)
    hold_role(instance)
    roles = by_grants(instance, options.grants)
    show_grants("grants by a role, with a condition", roles)
    if options.save:
        save({"rows": rows, "floors": floors, "grants": grants, "roles": roles})
    FOLDER.cleanup()
    return 0


@dataclass(frozen=True)
class Asker:
    point: EnforcementPoint
    credential: str
    options: argparse.Namespace


def measured(what: str, evaluation: Evaluation, asker: Asker) -> dict[str, Any]:
    """Over HTTP, and by the bare function."""
    question, options = Wire(EVALUATION, wire(evaluation), asker.credential), asker.options
    with served() as port:
        http_ = over_http(port, question, options.clients, options.seconds)
    bare = repeated(partial(decide, evaluation, asker.point), options.seconds)
    return {"what": what, "http": http_, "bare": bare, "ratio": http_["per_second"] / bare["per_second"]}


def activate_policy() -> None:
    """Instead of the demo's guardrail, approved by the same people."""
    author = Person.objects.get(username=ADMINISTRATOR)
    version = policies.draft(
        actor=author.actor,
        policies={"a.cedar": POLICY},
        schema=SCHEMA,
        entities=policies.NO_ENTITIES,
        title="Benchmark",
    )
    version = policies.validate(actor=author.actor, version=version)
    policy_trials.replay(actor=author.actor, version=version, last=10)
    policy_trials.start_shadow(actor=author.actor, version=version)
    version = policy_votes.propose(actor=author, version=version)
    for member in Person.objects.filter(username__in=APPROVERS):
        policy_votes.vote(
            actor=member, version=version, choice=PolicyChoice.APPROVE, digest=version.sha256,
            authentication=played(member), comment="Measured.",
        )  # fmt: skip


def floors_of(
    instance: AgentInstance, credential: str, options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """The same question put to others."""
    body, found = wire(of_the_register(instance)), {}
    with served(IDIOMATIC) as port:
        for name, path in VIEWS.items():
            question = Wire(path, body, credential)
            found[name] = over_http(port, question, options.clients, options.seconds)
    folder = Path(FOLDER.name) / "cerbos"
    folder.mkdir()
    binary = cerbos.install(folder)
    if binary is None:
        print("Cerbos was not measured: there is no npm, or nothing that it could install from.")
        return found
    with running(cerbos.configured(binary, folder, port := free_port(), free_port()), port):
        question = Wire(cerbos.PATH, cerbos.BODY, credential, cerbos.allowed)
        found[CERBOS] = over_http(port, question, options.clients, options.seconds)
    return found


def manage(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


def running_copy() -> AgentInstance:
    agent = Agent.objects.get(slug=SLUG)
    assert agent.active_version is not None
    return AgentInstance.objects.create(
        agent=agent,
        version=agent.active_version,
        spiffe_id=f"spiffe://benchmark/agent/{agent.slug}/i/{uuid4()}",
    )


def of_the_register(instance: AgentInstance) -> Evaluation:
    return Evaluation(Entity("agent_instance", instance.spiffe_id), Action(LOOKUP), Entity("endpoint", NVD))


def by_policy() -> Evaluation:
    return Evaluation(Entity("user", "alice"), Action("read"), Entity("record", "1"))


def wire(evaluation: Evaluation) -> bytes:
    subject, resource = evaluation.subject, evaluation.resource
    return json.dumps(
        {
            "subject": {"type": subject.type, "id": subject.id},
            "action": {"name": evaluation.action.name},
            "resource": {"type": resource.type, "id": resource.id},
        }
    ).encode()


def decide(evaluation: Evaluation, point: EnforcementPoint) -> None:
    assert access.decide(evaluation=evaluation, point=point).allowed


OURS = ("manage.py", "serve", "--bind")
IDIOMATIC = ("-m", "gunicorn", "measuring.idiomatic:application", "--threads", "16", "--bind")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(command: tuple[str, ...] = OURS) -> Iterator[int]:
    port = free_port()
    with running([sys.executable, *command, f"127.0.0.1:{port}"], port):
        yield port


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """A server that answers on `port`."""
    server = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'benchmarks'}"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(port, server)
        yield
    finally:
        os.killpg(server.pid, signal.SIGTERM)  # what was started may have started the server
        server.wait()


def wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urlopen(f"http://127.0.0.1:{port}/health", timeout=1)
        except HTTPError:
            return  # It answers, though it has no such page.
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The server did not start.")


@dataclass(frozen=True)
class Wire:
    """A question as it is sent, and how its answer says yes."""

    path: str
    body: bytes
    credential: str
    allowed: Callable[[dict[str, Any]], bool] = itemgetter("decision")


def over_http(port: int, question: Wire, clients: int, seconds: float) -> dict[str, float]:
    """Several connections that each ask again as soon as they are answered."""
    taken: list[float] = []
    threads = [Thread(target=ask, args=(port, question, seconds, taken)) for _ in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return figures(taken, time.perf_counter() - started)


def ask(port: int, question: Wire, seconds: float, taken: list[float]) -> None:
    headers = {"Authorization": f"Bearer {question.credential}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    end = time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        connection.request("POST", question.path, question.body, headers)
        answer = json.loads(connection.getresponse().read())
        assert question.allowed(answer), answer
        taken.append(time.perf_counter() - started)
    connection.close()


def repeated(verb: Callable[[], object], seconds: float) -> dict[str, float]:
    taken: list[float] = []
    begun = time.perf_counter()
    while (started := time.perf_counter()) < begun + seconds:
        verb()
        taken.append(time.perf_counter() - started)
    return figures(taken, time.perf_counter() - begun)


def figures(taken: list[float], elapsed: float) -> dict[str, float]:
    return {
        "per_second": len(taken) / elapsed,
        "p50_ms": 1e3 * median(taken),
        "p99_ms": 1e3 * quantiles(taken, n=100)[-1],
    }


def by_grants(instance: AgentInstance, many: int) -> dict[str, float]:
    """The same decision in turns, with few grants and with many; the median of what each turn took."""
    grant = Grant.objects.filter(agent=instance.agent, action=LOOKUP).latest("starts_at")
    question = decision_point.Question(
        agent=instance.agent,
        instance=instance,
        version=instance.version,
        action=LOOKUP,
        resource=f"endpoint/{NVD}",
        access=Access.READ,
        task_id=uuid4(),
        intent="Measure.",
    )
    few: list[float] = []
    more: list[float] = []
    count = 0
    for _ in range(3):
        Grant.objects.filter(action__startswith=ADDED).delete()
        fill(grant, FEW)
        few.append(turns(question))
        fill(grant, many)
        more.append(turns(question))
        count = Grant.objects.count()
    return {"few": median(few), "many": median(more), "count": count}


def hold_role(instance: AgentInstance) -> None:
    """What is asked about comes by a role from now on, under a condition that asks the catalogue."""
    # Nobody gives a role to their own: somebody who has nothing to do with the agent.
    administrator = Person.objects.create(username="benchmark", is_superuser=True)
    facts = resources.Facts(
        title="NVD",
        kind=ResourceKind.API,
        operations=[Operation.READ],
        sensitivity=Sensitivity.PUBLIC,
        owner=administrator,
    )
    resources.add(actor=administrator, name="nvd", type="endpoint", identifier=NVD, facts=facts)
    permission = Permission.of({"resource": "nvd", "actions": ["read"], "conditions": ["no_pii_access"]})
    role = agent_roles.add(actor=administrator, name="reader", permissions=[permission], reason="Measure.")
    terms = role_assignments.Terms(role=role)
    role_assignments.assign(actor=administrator, agent=instance.agent, terms=terms, reason="Measure.")


def fill(grant: Grant, count: int) -> None:
    """More grants of the same agent, for other actions."""
    Grant.objects.bulk_create(
        (
            Grant(
                agent=grant.agent,
                action=f"{ADDED}{number}",
                resource=f"r/{secrets.token_hex(4)}",
                access=Access.READ,
                approval=grant.approval,
                assignment=grant.assignment,
                conditions=grant.conditions,
                starts_at=grant.starts_at,
            )
            for number in range(count - Grant.objects.count())
        ),
        batch_size=5_000,
    )


def turns(question: decision_point.Question) -> float:
    taken = []
    for _ in range(200):
        started = time.perf_counter()
        assert decision_point.decide(question).allowed
        taken.append(1e3 * (time.perf_counter() - started))
    return median(taken)


def show(rows: list[dict[str, Any]]) -> None:
    print(f"{'':40}{'HTTP: a second':>16}{'p50 ms':>9}{'p99 ms':>9}{'function':>12}{'p50 ms':>9}{'ratio':>8}")
    for row in rows:
        ours, bare = row["http"], row["bare"]
        print(
            f"{row['what']:40}{ours['per_second']:16.0f}{ours['p50_ms']:9.2f}{ours['p99_ms']:9.2f}"
            f"{bare['per_second']:12.0f}{bare['p50_ms']:9.2f}{row['ratio']:8.2f}"
        )


def show_floor(name: str, ours: dict[str, float], floor: dict[str, float]) -> None:
    goal = f" (goal: {GOALS[name]:g})" if name in GOALS else ""
    print(
        f"an agent of the register / {name}: {ours['per_second']:.0f} / {floor['per_second']:.0f} a second = "
        f"{ours['per_second'] / floor['per_second']:.2f}{goal}; its p50 {floor['p50_ms']:.2f} ms, p99 "
        f"{floor['p99_ms']:.2f} ms"
    )


def show_grants(what: str, grants: dict[str, float]) -> None:
    ratio = grants["many"] / grants["few"]
    print(
        f"p50 with {grants['count']:,.0f} {what} over p50 with {FEW}: {grants['many']:.2f} ms / "
        f"{grants['few']:.2f} ms = {ratio:.2f} (goal: at most {GOAL_OF_GRANTS})"
    )


def save(found: dict[str, Any]) -> None:
    results = ROOT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    (results / "decisions.json").write_text(json.dumps({"machine": machine(), **found}, indent=2) + "\n")


def machine() -> dict[str, str]:
    return {
        "processor": f"{os.cpu_count()} x {platform.machine()}",
        "python": platform.python_version(),
        "django": django.get_version(),
        "database": connection.vendor,
    }


if __name__ == "__main__":
    raise SystemExit(main())
