"""How it is put together: settings, admin site, queue, web server, the demo."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
