"""`manage.py ledger seal|declare`."""

import signal
import threading
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from typing import Any

from django.core.management.base import OutputWrapper
from django.db import DatabaseError, connection

from audits.errors import ServiceError
from audits.management.verbs import COMMAND_LINE, DONE, Verb
from audits.services import recovery, sealing

UNITS = {"ms": 0.001, "s": 1.0}
SHORTEST, LONGEST = 0.01, 3600.0


def interval(text: str) -> float:
    """Seconds, from for example `100ms` or `2s`."""
    number = text.rstrip("ms")
    unit = text[len(number) :]
    try:
        seconds = float(number) * UNITS[unit]
    except (KeyError, ValueError):
        raise ArgumentTypeError(f"{text!r} is no interval; write for example 100ms or 2s.") from None
    if not SHORTEST <= seconds <= LONGEST:
        raise ArgumentTypeError(f"{text} is not between 10ms and 3600s.")
    return seconds


def _seal_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--interval", type=interval, metavar="TIME", help="Go on sealing, each 100ms or 2s, until stopped."
    )


def _seal(options: Mapping[str, Any], out: OutputWrapper, err: OutputWrapper) -> int:
    if options["interval"] is None:
        out.write(f"{sealing.seal()} events sealed.")
        return DONE
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    out.write(f"Sealing every {options['interval']:g} s.")
    while not stopped.wait(options["interval"]):
        _seal_once(err)
    out.write("Stopped.")
    return DONE


def _seal_once(err: OutputWrapper) -> None:
    """What fails is said and tried again: events wait meanwhile."""
    try:
        sealing.seal()
        sealing.seal_heads_if_due()
    except ServiceError as error:
        err.write(error.message)
    except DatabaseError as error:
        err.write(f"The database refused: {error}")
        connection.close()


def _declare_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, help="Why, for the record.")


def _declare(options: Mapping[str, Any], out: OutputWrapper, _err: OutputWrapper) -> int:
    recovery.declare(actor=COMMAND_LINE, reason=options["reason"])
    out.write("Declared, recorded and sealed.")
    return DONE


SEAL = Verb("Seal what waits.", _seal, _seal_arguments)
DECLARE = Verb("Declare that the database was restored on purpose.", _declare, _declare_arguments)
