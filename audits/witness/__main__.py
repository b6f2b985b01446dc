"""`python -m audits.witness`: see `command`."""

import sys

from audits.witness.command import main

sys.exit(main())
