"""The verbs of `manage.py ledger`, a module for each subject.

A verb declares its arguments and runs: it writes to `out`, warnings and errors to `err`, and gives the exit
code: 0 sound or done, 1 something is wrong. A `ServiceError` or `DatabaseError` becomes 2, unable.
"""

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.management.base import OutputWrapper

DONE, WRONG, UNABLE = 0, 1, 2

Run = Callable[[Mapping[str, Any], OutputWrapper, OutputWrapper], int]


def _no_arguments(parser: ArgumentParser) -> None: ...


@dataclass(frozen=True, slots=True)
class Verb:
    help: str
    run: Run
    arguments: Callable[[ArgumentParser], object] = _no_arguments
