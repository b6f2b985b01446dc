#!/usr/bin/env python
"""Countersign's command line: `python manage.py help` lists what it can do."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import InterfaceError, OperationalError, ProgrammingError

UNABLE, INTERRUPTED = 2, 130


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(_say(f"Settings: {error}"))
    except (OperationalError, ProgrammingError, InterfaceError) as error:
        if "--traceback" in sys.argv:
            raise
        reason = " ".join(str(error).split())
        sys.exit(
            _say(
                f"The database does not do what it must: {reason}. Run `manage.py prepare` if this is a new "
                "installation or a new release; `manage.py doctor` says what is wrong."
            )
        )
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _say(sentence: str) -> int:
    sys.stderr.write(sentence + "\n")
    return UNABLE


if __name__ == "__main__":
    main()
