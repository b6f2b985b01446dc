"""`manage.py serve`: the portal, ready to use."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from portal.server import Server


class Command(BaseCommand):
    help = "Serve the portal. Without REDIS_URL the worker runs in the same process."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1:8000", help="Address and port (127.0.0.1:8000).")
        parser.add_argument(
            "--processes", type=int, default=1, help="Web processes; more than one needs REDIS_URL."
        )
        parser.add_argument("--threads", type=int, default=8, help="Threads in each process.")

    def handle(self, *args: Any, **options: Any) -> None:
        in_process = not settings.REDIS_URL
        if in_process and options["processes"] != 1:
            raise CommandError(
                "Several web processes need a shared queue: set REDIS_URL, or leave --processes out.",
                returncode=2,
            )
        where = "in this process" if in_process else "Celery workers on Redis"
        self.stdout.write(f"Countersign on http://{options['bind']}/ (worker: {where}). Stop with Ctrl-C.")
        Server(
            bind=options["bind"],
            processes=options["processes"],
            threads=options["threads"],
            with_worker=in_process,
        ).run()
