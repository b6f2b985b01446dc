"""The product's own settings, with what makes tests fast, offline and independent of this machine."""

import os
import tempfile
from pathlib import Path

_directory = Path(tempfile.mkdtemp(prefix="countersign-tests-"))
(_directory / "static").mkdir()
for name in [name for name in os.environ if name.startswith(("COUNTERSIGN_", "OPENAI_", "NVD_"))]:
    del os.environ[name]
os.environ["COUNTERSIGN_SECRET_KEY"] = "a-key-for-tests-only-" + "x" * 40
os.environ["COUNTERSIGN_DATA_DIR"] = str(_directory)
os.environ["COUNTERSIGN_NVD_ONLINE"] = "false"
os.environ["COUNTERSIGN_MFA"] = "optional"  # the tests of the sign-in require it
os.environ.setdefault("DATABASE_URL", f"sqlite:///{_directory / 'test.sqlite3'}")

from portal.settings import *  # noqa: E402, F403

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # A file, as in production: threads share it through WAL, which a database in memory cannot.
    DATABASES["default"]["TEST"] = {"NAME": str(_directory / "test-database.sqlite3")}  # noqa: F405

INSTALLED_APPS = [*INSTALLED_APPS, "django_linear_migrations"]  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
