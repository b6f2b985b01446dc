"""Which tasks a version that is being released may take (S1-18). Pure: no database, no clock.

A task is in the share or it is not, for as long as the release lasts: asking again changes nothing, and
a larger share contains every smaller one.
"""

import hashlib
from uuid import UUID

WHOLE = 100


def is_in_share(*, task: UUID, version: UUID, percent: int) -> bool:
    """Whether the candidate may run for this task at this share, in percent."""
    drawn = hashlib.sha256(version.bytes + task.bytes).digest()
    return int.from_bytes(drawn[:8]) % WHOLE < percent
