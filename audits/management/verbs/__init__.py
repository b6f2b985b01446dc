"""The verbs of `manage.py ledger`, a module for each subject.

A verb declares its arguments and runs: it writes to `out`, warnings and errors to `err`, and gives the exit
code: 0 sound or done, 1 something is wrong. A `ServiceError` or `DatabaseError` becomes 2, unable.
"""

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.management.base import OutputWrapper

from audits.actor import Actor
from audits.services import reading

COMMAND_LINE = Actor.system("command-line")
DONE, WRONG, UNABLE = 0, 1, 2

Run = Callable[[Mapping[str, Any], OutputWrapper, OutputWrapper], int]


def _no_arguments(parser: ArgumentParser) -> None: ...


@dataclass(frozen=True, slots=True)
class Verb:
    help: str
    run: Run
    arguments: Callable[[ArgumentParser], object] = _no_arguments


def shows(verb: str, about: str) -> None:
    """Record that `verb` shows something of the ledger at this terminal (S2-19); call it before it does.

    Raises as `reading.look`: then nothing is shown.
    """
    reading.look(actor=COMMAND_LINE, object=about, permission="", part=verb, path=f"manage.py ledger {verb}")
