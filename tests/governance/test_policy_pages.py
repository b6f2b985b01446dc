"""The pages of policy versions: the whole life by clicking; refusals are shown."""

from typing import Any

import pytest
from django.test import Client

from agents.models import Agent, Person
from governance.admin.line_diff import show_lines
from governance.admin.policy_forms import apart, together
from governance.models import Decision, PolicyDifference, PolicyVersion
from tests.authzen.asking import apply_certification
from tests.governance import policing
from tests.governance.policing import AGENT_SCHEMA, PERMIT, SCHEMA
from tests.governance.story import read, start_instance
from tests.governance.test_admin import html, page, sign_in, submit
from tests.portal.pages import queries

pytestmark = pytest.mark.django_db
FORBID = '@id("stop") forbid (principal, action, resource);'


def press(person: Person, verb: str, version: PolicyVersion, **values: str) -> Any:
    response = submit(sign_in(person), page(f"policyversion_{verb}", version.pk), **values)
    version.refresh_from_db()
    return response


def test_the_whole_life_by_clicking(ada: Person, active_analyst: Agent) -> None:
    read(start_instance(active_analyst))
    given = {"policies": "forbid (principal", "schema": AGENT_SCHEMA, "entities": "[]", "title": "Stop"}
    made = sign_in(ada).post(page("policyversion_add"), given)
    version = PolicyVersion.objects.get()
    assert made["Location"] == page("policyversion_change", version.pk)
    shown = html(sign_in(ada), page("policyversion_change", version.pk))
    assert "It is not valid yet." in shown
    assert "line 1, column 1" in shown
    press(ada, "edit", version, **given | {"policies": FORBID})
    press(ada, "validate", version)
    press(ada, "what_if", version, last="100")
    shown = html(sign_in(ada), page("policyversion_change", version.pk))
    assert "1 of 1 recorded decisions would come out differently than under no policies" in shown
    assert "Allowed now, would be denied" in shown
    assert page("decision_change", Decision.objects.get().pk) in shown
    press(ada, "start_shadow", version)
    press(ada, "propose", version)
    for person in policing.board():
        assert (
            "0 of 2 approvals" in (text := html(sign_in(person), page("policyversion_change", version.pk)))
            or "1 of 2" in text
        )
        assert version.sha256 in text
        assert press(person, "approve", version, digest=version.sha256).status_code == 302
    assert version.state == "active"
    assert version.policies == {"policies.cedar": FORBID}


def test_the_author_reads_why_not(ada: Person) -> None:
    version = policing.proposed()
    text = html(sign_in(ada), page("policyversion_change", version.pk))
    assert "Nobody approves their own: you wrote this version." in text
    assert (
        "Nobody approves their own" in press(ada, "approve", version, digest=version.sha256).content.decode()
    )
    assert version.state == "proposed"


def test_a_stale_page_is_refused() -> None:
    version = policing.proposed()
    text = press(policing.board()[0], "approve", version, digest="0" * 64).content.decode()
    assert "Open the page again" in text


def test_a_rejection_and_a_withdrawal_say_why(ada: Person) -> None:
    version = policing.proposed()
    press(policing.board()[0], "reject", version, digest=version.sha256, comment="Too wide.")
    assert (version.state, version.reason) == ("withdrawn", "Rejected: Too wide.")
    other = policing.valid()
    press(ada, "withdraw", other, reason="Not needed.")
    assert other.state == "withdrawn"


def test_differences_to_what_decides_are_marked(ada: Person) -> None:
    policing.active("permit (principal, action, resource);", SCHEMA)
    version = policing.valid("permit (principal, action, resource);\n\n// More.\n" + FORBID)
    text = html(sign_in(ada), page("policyversion_change", version.pk))
    assert "What differs from cedar/1" in text
    assert '<ins class="cs-new"><span class="sr-only">(added: </span>// More.' in text


def test_one_step_back(ada: Person) -> None:
    first = policing.active()
    second = policing.active(FORBID)
    press(ada, "roll_back", first, digest=first.sha256, comment="It stops all.")
    second.refresh_from_db()
    assert (first.state, second.state) == ("active", "superseded")


def test_buttons_are_for_those_who_may(ada: Person, oscar: Person, aude: Person) -> None:
    version = policing.valid()
    assert "policyversion_start_shadow" not in html(sign_in(aude), page("policyversion_change", version.pk))
    assert page("policyversion_start_shadow", version.pk) in html(
        sign_in(ada), page("policyversion_change", version.pk)
    )
    assert sign_in(oscar).get(page("policyversion_changelist")).status_code == 403


def test_the_page_escapes_and_shows_what_a_shadow_noticed(ada: Person, active_analyst: Agent) -> None:
    decision = Decision.objects.get(pk=read(start_instance(active_analyst)).id)
    version = policing.in_shadow("// <script>alert(1)</script>\n" + PERMIT)
    PolicyDifference.objects.create(
        version=version, decision=decision, allowed=False, reason="guardrail", message="<b>No</b>"
    )
    text = html(sign_in(ada), page("policyversion_change", version.pk))
    assert "<script>alert(1)" not in text
    assert "&lt;b&gt;No&lt;/b&gt;" in text
    assert "What its shadow noticed" in text


def test_a_version_as_it_was_applied_by_command_is_shown(ada: Person) -> None:
    version = apply_certification()
    text = html(sign_in(ada), page("policyversion_change", version.pk))
    assert "Says nothing: its schema has no actions of AgentInstance" in text
    assert html(sign_in(ada), page("policyversion_add")).count("permit") >= 1


def test_a_longer_list_costs_no_more_queries(client: Client, ada: Person) -> None:
    client.force_login(ada)
    policing.valid()
    few = queries(client, page("policyversion_changelist"))
    for _ in range(5):
        policing.draft()
    assert queries(client, page("policyversion_changelist")) == few


@pytest.mark.parametrize(
    "files",
    [{"policies.cedar": "a"}, {"a.cedar": "a\n", "b.cedar": "b"}, {"a.cedar": "", "policies.cedar": "x\n\n"}],
)
def test_files_are_the_same_after_a_form(files: dict[str, str]) -> None:
    assert apart(together(files)) == files


def test_a_long_text_that_is_the_same_shows_no_lines() -> None:
    text = "\n".join(map(str, range(100)))
    assert show_lines(text, text) == ""
    shown = show_lines(text, text.replace("50", "fifty"))
    assert "fifty" in shown
    assert "Line 48" in shown
    assert ">20<" not in shown
