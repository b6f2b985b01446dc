"""One attempt: everything or nothing, and a refusal leaves its trace as well."""

from audits.services.attempts import SYSTEM_STREAM, attempt, refuse

__all__ = ["SYSTEM_STREAM", "attempt", "refuse"]
