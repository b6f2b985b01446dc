"""The bearer credentials of enforcement points and pipelines."""

from uuid import UUID

from agents import bearer
from agents.bearer import Credential, digest, matches

__all__ = ["PIPELINE_PREFIX", "PREFIX", "Credential", "digest", "make", "matches", "read"]

PREFIX, PIPELINE_PREFIX = "cspep", "cspipe"


def make(row: UUID, prefix: str = PREFIX) -> Credential:
    return bearer.make(prefix, row)


def read(text: str, prefix: str = PREFIX) -> Credential | None:
    """The parts of a credential; None where it is none of ours, or of those who ask for something else."""
    return bearer.read(prefix, text)
