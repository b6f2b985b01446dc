"""How long events are kept in a new installation (S3-7): configurable defaults, not legal advice.

The names are those of the events' frameworks in capitals, with underscores for all but letters and
digits. DEFAULT is the rule of every other event, and of those that name none.
"""

from typing import Any

DEFAULT_RULE = "DEFAULT"
NOTE = "A configurable default, not legal advice: agree it with your counsel."

RETENTION: dict[str, dict[str, Any]] = {
    DEFAULT_RULE: {
        "days": 2555,
        "source": "The longest of the shipped rules, so that nothing goes for want of a name",
        "note": NOTE,
    },
    "SOX": {"days": 2555, "source": "Sarbanes-Oxley Act 802; 17 CFR 210.2-06: seven years", "note": NOTE},
    "HIPAA": {"days": 2190, "source": "45 CFR 164.316(b)(2)(i): six years", "note": NOTE},
    "GDPR": {"days": 1095, "source": "Article 5(1)(e): no longer than necessary; three years", "note": NOTE},
    "PCI_DSS": {"days": 365, "source": "PCI DSS 4.0, 10.5.1: twelve months", "note": NOTE},
}
