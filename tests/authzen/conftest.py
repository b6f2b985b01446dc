import pytest

from governance.models import PolicyVersion
from tests.authzen.asking import Asker, apply_certification


@pytest.fixture
def asker(db: None) -> Asker:
    return Asker()


@pytest.fixture
def certified(db: None) -> PolicyVersion:
    """The policies of the certification scenario, active."""
    return apply_certification()
