"""`manage.py serve`: the portal, ready to use."""

import socket
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from portal import doctor
from portal.server import Server

UNABLE = 2


class Command(BaseCommand):
    help = "Serve the portal. Without REDIS_URL the worker runs in the same process."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1:8000", help="Address and port (127.0.0.1:8000).")
        parser.add_argument(
            "--processes", type=_count, default=1, help="Web processes; more than one needs REDIS_URL."
        )
        parser.add_argument("--threads", type=_count, default=16, help="Threads in each process.")

    def handle(self, *args: Any, **options: Any) -> None:
        in_process = not settings.REDIS_URL
        if in_process and options["processes"] != 1:
            raise CommandError(
                "Several web processes need a shared queue: set REDIS_URL, or leave --processes out.",
                returncode=UNABLE,
            )
        for finding in doctor.why_not_serve():
            raise CommandError(f"{finding.message} {finding.mend}", returncode=UNABLE)
        _refuse_a_taken_port(options["bind"])
        where = "in this process" if in_process else "Celery workers on Redis"
        self.stdout.write(f"Countersign on http://{options['bind']}/ (worker: {where}). Stop with Ctrl-C.")
        Server(
            bind=options["bind"],
            processes=options["processes"],
            threads=options["threads"],
            with_worker=in_process,
        ).run()


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _refuse_a_taken_port(bind: str) -> None:
    """Try the address before the server does, which would try for long and say little."""
    host, _, port = bind.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 2**16:
        raise CommandError(
            f"--bind: {bind!r} is not an address and a port, such as 127.0.0.1:8000.", returncode=UNABLE
        )
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CommandError(
            f"--bind: cannot listen on {bind}: {error.strerror or error}. Stop what listens there, or choose "
            "another port (`PORT=8010 make …`).",
            returncode=UNABLE,
        ) from error
