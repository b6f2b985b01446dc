"""`manage.py demo`: the whole story, in processes of its own, on what a first one left behind."""

from tests.processes.installation import Installation


def test_the_story_holds_twice(installation: Installation) -> None:
    first = installation.manage("demo")
    assert first.returncode == 0, first.stdout + first.stderr
    for sentence in (
        "read-only",
        "refused, as it must be",
        "rules, not a language model",
        "one byte flipped",
    ):
        assert sentence in first.stdout
    second = installation.manage("demo")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "nothing is doubled" in second.stdout
    verified = installation.manage("ledger", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


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
