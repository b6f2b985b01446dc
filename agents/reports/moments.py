"""When a scan was made, as its report says: ISO 8601, or seconds since 1970."""

import re
from datetime import UTC, datetime

SECONDS = re.compile(r"[0-9]{9,10}")


def moment(text: str) -> datetime | None:
    """A time in UTC, None for what is none. Without a zone it is taken as UTC."""
    try:
        if SECONDS.fullmatch(text):
            return datetime.fromtimestamp(int(text), UTC)
        found = datetime.fromisoformat(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def newest(texts: list[str]) -> datetime | None:
    """The latest of these times, None where there is none."""
    return max((found for found in map(moment, texts) if found), default=None)
