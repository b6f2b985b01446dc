import pytest
from django.conf import LazySettings

from audits import guard
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Denied
from audits.models import Event
from audits.services import recovery, sealing, verification
from tests.audits.happenings import TESTER, happen

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_inline(settings: LazySettings) -> None:
    settings.LEDGER_SEAL_INLINE = False


def test_a_database_behind_the_guard_is_refused_until_it_is_declared() -> None:
    happen(2)
    sealing.seal()
    guard.remember(guard.Head(5, b"\1" * 32))
    happen(1)
    with pytest.raises(
        sealing.SealingRefused, match=r"behind: it ends at entry 2.*remembers 5.*ledger declare"
    ):
        sealing.seal()
    assert "remembers 5" in verification.verify().problem
    recovery.declare(actor=TESTER, reason="restored the backup of Tuesday")
    assert verification.verify().is_sound
    declared = Event.objects.get(action=Action.LEDGER_DECLARED)
    assert declared.details["remembered_size"] == 5
    assert declared.details["reason"] == "restored the backup of Tuesday"
    assert guard.remembered() == guard.Head(4, guard.remembered().root)  # type: ignore[union-attr]


def test_a_database_that_differs_from_the_guard_is_refused() -> None:
    happen(3)
    sealing.seal()
    guard.remember(guard.Head(2, b"\1" * 32))
    happen(1)
    with pytest.raises(sealing.SealingRefused, match="first 2 entries are not those"):
        sealing.seal()


def test_what_is_in_order_cannot_be_declared() -> None:
    happen(1)
    sealing.seal()
    with pytest.raises(Conflict, match="nothing to declare"):
        recovery.declare(actor=TESTER, reason="none")


def test_a_person_cannot_declare() -> None:
    with pytest.raises(Denied, match="on the machine"):
        recovery.declare(actor=Actor(kind="person", id="1", name="Olivia"), reason="none")
