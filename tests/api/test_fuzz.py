"""Whatever is sent: what the description says is answered, and never an error of ours."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
)

from agents.models import Agent, Person
from governance.api import pipelines
from governance.models import Approval
from portal.api.description import description
from tests.api.calling import routes, secret_of
from tests.portal import work

schema: Any = schemathesis.openapi.from_dict(description())
schema.app = get_wsgi_application()
OPERATIONS = [operation.ok() for operation in schema.get_all_operations()]
EXAMPLES = 12
# What fits the description may still be refused: a name is taken, an agent is not there. And this test mends
# what the other two spoil: it brings the token, and names rows that are there.
NOT_ASKED = [positive_data_acceptance, ignored_auth, negative_data_rejection]
few = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


SLUGS = {"tools", "third-parties", "secret-references"}


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """As Django's own client does: the test's connection outlives the requests in it."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def known(active_analyst: Agent, submitted: Approval, ada: Person) -> dict[str, str]:
    """Rows that are there, by the resource whose `id` they are."""
    run = work.run(active_analyst, work.report())
    finding = run.report.findings.get()
    rows: dict[str, Any] = {
        "runs": run,
        "reports": run.report,
        "findings": finding,
        "proposals": run.proposals.get(),
        "tickets": work.ticket(finding),
        "agents": work.document(active_analyst),
        "approvals": submitted,
        "bundles": work.bundle(active_analyst),
        "people": work.agent(active_analyst.owner).owner,
        "grants": active_analyst.grants.first(),
        "handovers": work.handover(active_analyst),
        "notifications": work.notification(ada),
    }
    provider = work.third_party()
    slugs = {
        "tools": work.tool(provider).slug,
        "third-parties": provider.slug,
        "secret-references": work.secret(active_analyst, ada).slug,
    }
    return {name: str(row.pk) for name, row in rows.items()} | slugs


@pytest.mark.parametrize("method", ["get", "post", "put", "patch"])
def test_every_operation_answers_as_it_says(method: str, ada: Person, known: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {secret_of(ada)}"}
    asked = [operation for operation in OPERATIONS if operation.method == method]
    assert asked
    for operation in asked:
        resource = operation.path.split("/")[3]
        slug = known.get(resource, "") if resource in SLUGS else "vulnerability-analyst"
        name = "rate" if resource == "anomaly-rules" else "nvd"
        there = {"slug": slug, "label": "1.0.0", "name": name, "id": known.get(resource, "")}
        try:
            _ask(operation, headers, there)
        except BaseException as error:
            error.add_note(operation.label)
            raise


def _ask(operation: Any, headers: dict[str, str], there: dict[str, str]) -> None:
    cases = st.one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode])

    @few
    @given(case=cases, is_there=st.booleans())
    def ask(case: Any, is_there: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
        if is_there:
            case.path_parameters |= {name: there[name] for name in case.path_parameters if there[name]}
        answered = case.call(headers=headers)
        case.validate_response(answered, excluded_checks=NOT_ASKED)

    ask()


def test_the_description_and_the_addresses_are_the_same() -> None:
    described = {(operation.method, operation.path) for operation in OPERATIONS}
    assert described == set(routes()) | {("post", path) for path in pipelines.ROUTES}
    assert len(described) > 100
