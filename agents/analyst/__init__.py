"""The portal's own analyst: agent number one in its own register."""

SLUG = "vulnerability-analyst"
