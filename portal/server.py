"""The web server: gunicorn with threads; on one machine with the worker in the same process."""

from typing import Any

from django.core.wsgi import get_wsgi_application
from gunicorn.app.base import BaseApplication

from portal.worker import InProcessWorker


class Server(BaseApplication):
    """Serve the portal until a signal ends it."""

    def __init__(self, *, bind: str, processes: int, threads: int, with_worker: bool) -> None:
        self._options = {
            "bind": bind,
            "workers": processes,
            "threads": threads,
            "worker_class": "gthread",
            "graceful_timeout": 10,
            "loglevel": "warning",
            "control_socket_disable": True,
        }
        if with_worker:
            self._options["post_worker_init"] = _start_worker
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return get_wsgi_application()


def _start_worker(_server_worker: Any) -> None:
    InProcessWorker().start()
