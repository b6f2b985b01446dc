"""The same report, finding and running copy as in the tests of the agents' room."""

from tests.agents.conftest import decisions, finding, instance, log4shell, report, run

__all__ = ["decisions", "finding", "instance", "log4shell", "report", "run"]
