"""`manage.py ledger adopt`."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import OutputWrapper

from audits.management.verbs import COMMAND_LINE, DONE, Verb
from audits.services import history


def _adopt_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("row", help="As `verify` names it, for example governance.riskclass/high.")
    parser.add_argument("--reason", required=True, help="Why it is right as it is, for the record.")


def _adopt(options: Mapping[str, Any], out: OutputWrapper, _err: OutputWrapper) -> int:
    model, _, key = options["row"].partition("/")
    history.adopt(actor=COMMAND_LINE, model=model, key=key, reason=options["reason"])
    out.write("Adopted and recorded: its history goes on from what it is now.")
    return DONE


ADOPT = Verb("Accept a row as it is, though no event told of its change.", _adopt, _adopt_arguments)
