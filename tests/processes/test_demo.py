"""`manage.py demo`: the whole story, in processes of its own, on what a first one left behind."""

from typing import Any

import httpx2
from django.conf import settings

from agents.analyst.planner import BASE_URL, PlannerTransport
from tests.agents.model_server import Answer, serving
from tests.processes.installation import Installation, free_port


def test_the_story_holds_twice(installation: Installation) -> None:
    first = installation.manage("demo")
    assert first.returncode == 0, first.stdout + first.stderr
    for sentence in (
        "read-only",
        "refused, as it must be",
        "rules, not a language model",
        "freezes it: revocation",
        "confirms: it is active again",
        "A condition is not met: max_records(20) of its role order_desk.",
        "A guardrail forbids it (no-bulk-exports).",
        "sub: Petra Novak, act: spiffe://",
        "rotated; the old value counts for 24 h more",
        "https://paste.example.net. Neither its approved version nor its allow list names it.",
        "not contained: 1 of 2 have confirmed",
        "one byte flipped",
    ):
        assert sentence in first.stdout
    secret = (installation.data / "secrets" / "carrier-key").read_text(encoding="ascii")
    assert secret not in first.stdout
    second = installation.manage("demo")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "nothing is doubled" in second.stdout
    assert "no bulk exports by agents, is active already" in second.stdout
    verified = installation.manage("ledger", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_without_a_folder_of_secrets_that_chapter_is_left_out(installation: Installation) -> None:
    installation.variables["COUNTERSIGN_SECRETS_DIR"] = ""
    told = installation.manage("demo")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "left out: COUNTERSIGN_SECRETS_DIR is not set" in told.stdout


def test_it_refuses_a_database_of_somebody_elses(installation: Installation) -> None:
    made = installation.manage("shell", "-c", MAKE_A_STRANGER)
    assert made.returncode == 0, made.stderr
    refused = installation.manage("demo")
    assert refused.returncode == 2
    assert "people or agents of your own" in refused.stderr


MAKE_A_STRANGER = """
from agents.services import people
from audits.actor import Actor
people.add_person(actor=Actor.system("test"), username="somebody", first_name="S", last_name="E",
                  email="s@example.org", password="correct-horse-battery-staple")
"""


def think(request: dict[str, Any]) -> Answer:
    """A language model that happens to think as the embedded planner does."""
    with httpx2.Client(transport=PlannerTransport()) as client:
        return Answer(client.post(f"{BASE_URL}/chat/completions", json=request).content)


def test_with_a_language_model_it_stops_with_the_reason_and_goes_on_once_mended(
    installation: Installation,
) -> None:
    with serving(think):
        installation.variables |= {
            "OPENAI_BASE_URL": f"http://127.0.0.1:{free_port()}/v1",
            "OPENAI_MODEL": "scripted",
        }
        stopped = installation.manage("demo")
        assert stopped.returncode == 1
        assert "The model could not be reached" in stopped.stderr
        assert "play the story again" in stopped.stderr
        assert "Traceback" not in stopped.stderr

        installation.variables["OPENAI_BASE_URL"] = settings.OPENAI_BASE_URL
        told = installation.manage("demo")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "planned by: scripted at 127.0.0.1" in told.stdout
    assert "rules, not a language model" not in told.stdout
