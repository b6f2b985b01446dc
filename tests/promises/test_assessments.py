"""What was signed does not change, and nobody signs their own: asked of the database itself."""

import pytest
from django.db import DatabaseError, connection, transaction

from agents.models import Agent, Person
from governance.choices import AssessmentKind, AssessmentState
from governance.models import ImpactAssessment, Mitigation
from governance.services import assessments
from tests.governance.papers import filled, signed

pytestmark = pytest.mark.django_db
EDITS = {
    "answers": "'{}'",
    "plan": "'[]'",
    "content": "'{}'",
    "sha256": "'" + "0" * 64 + "'",
    "signed_as": "'legal'",
    "signed_at": "NULL",
    "signed_by_id": "written_by_id",
    "writers": "'[]'",
    "revision": "99",
    "kind": "'privacy'",
    "template_version": "9",
    "state": "'draft'",
}


@pytest.fixture
def made(olivia: Person, sasha: Person, analyst: Agent) -> ImpactAssessment:
    return signed(olivia, sasha, analyst, AssessmentKind.SECURITY)


def refused(statement: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError:
        return True
    return False


@pytest.mark.parametrize("column", EDITS)
def test_raw_sql_does_not_change_what_was_signed(column: str, made: ImpactAssessment) -> None:
    assert refused(f"UPDATE governance_impactassessment SET {column} = {EDITS[column]}")  # noqa: S608 - our own words
    assert ImpactAssessment.objects.get() == made


def test_raw_sql_does_not_delete_it(made: ImpactAssessment) -> None:
    assert refused("DELETE FROM governance_mitigation")
    assert refused("DELETE FROM governance_impactassessment")


@pytest.mark.parametrize("column", ["risk", "measure", "due", "position", "owner_id"])
def test_raw_sql_does_not_change_what_was_promised(
    column: str, made: ImpactAssessment, sasha: Person
) -> None:
    value = {"due": "'2999-01-01'", "position": "7", "owner_id": f"'{sasha.pk.hex}'"}.get(column, "'x'")
    assert refused(f"UPDATE governance_mitigation SET {column} = {value}")  # noqa: S608 - our own words
    assert Mitigation.objects.exists()


def test_a_withdrawn_one_does_not_come_back(made: ImpactAssessment, olivia: Person) -> None:
    assessments.withdraw(actor=olivia, assessment=made, reason="Wrong.")
    assert refused("UPDATE governance_impactassessment SET state = 'signed'")


def test_the_database_refuses_the_signature_of_the_writer(olivia: Person, analyst: Agent) -> None:
    filled(olivia, analyst, AssessmentKind.SECURITY)
    assert refused(
        "UPDATE governance_impactassessment SET state = 'signed', signed_at = updated_at, "
        "signed_by_id = written_by_id, sha256 = 'x', signed_as = 'security'"
    )
    assert ImpactAssessment.objects.get().state == AssessmentState.DRAFT


def test_a_draft_can_be_edited(olivia: Person, analyst: Agent) -> None:
    """The test of the tests: what refuses is not everything."""
    filled(olivia, analyst, AssessmentKind.SECURITY)
    assert not refused("UPDATE governance_impactassessment SET answers = '{}'")
