"""The ledger is append-only: what the database refuses to do to its tables."""

from audits.triggers import Guard

_MESSAGE = "The ledger is append-only"
_SEALED = "EXISTS (SELECT 1 FROM audits_entry WHERE audits_entry.event_id = OLD.event_id)"
_REDACTED = "EXISTS (SELECT 1 FROM audits_redaction WHERE audits_redaction.event_id = OLD.event_id)"
_FIXED = "A case and a hold keep what they said"


def _pruned(seq: str) -> str:
    """Whether a tombstone covers the entry: the last that begins before it, if it reaches beyond it."""
    last = f"SELECT high FROM audits_tombstone WHERE low <= {seq} ORDER BY low DESC LIMIT 1"  # noqa: S608 - our own words
    return f"{seq} < ({last})"


def _pruned_event(key: str) -> str:
    return f"EXISTS (SELECT 1 FROM audits_entry WHERE audits_entry.event_id = {key} AND {_pruned('seq')})"  # noqa: S608 - as above


# Strictly inside a pruned segment, whose own root stays.
_PRUNED_NODE = (
    'EXISTS (SELECT 1 FROM audits_tombstone WHERE low <= OLD."index" << OLD.level '
    'AND (OLD."index" + 1) << OLD.level <= high AND CAST(1 AS BIGINT) << OLD.level < high - low)'
)
_PRUNED_CHECKPOINT = "EXISTS (SELECT 1 FROM audits_tombstone WHERE low < OLD.size AND OLD.size < high)"

GUARDS = (
    Guard("audits_event", _MESSAGE, unique=(("id",),), may_delete=_pruned_event("OLD.id")),
    Guard(
        "audits_body",
        _MESSAGE,
        unique=(("event_id",),),
        may_delete=f"{_REDACTED} OR {_pruned_event('OLD.event_id')}",
    ),
    Guard("audits_pending", _MESSAGE, unique=(("id",), ("event_id",)), may_delete=_SEALED),
    Guard(
        "audits_entry",
        _MESSAGE,
        unique=(("seq",), ("stream", "stream_seq"), ("event_id",)),
        may_delete=_pruned("OLD.seq"),
    ),
    Guard("audits_node", _MESSAGE, unique=(("level", "index"),), may_delete=_PRUNED_NODE),
    Guard("audits_checkpoint", _MESSAGE, unique=(("size",),), may_delete=_PRUNED_CHECKPOINT),
    # What explains that something is gone. A tombstone may come to name a newer event that says the same.
    Guard("audits_destroyedkey", _MESSAGE, unique=(("key_id",),)),
    Guard("audits_redaction", _MESSAGE, unique=(("event_id",),)),
    Guard(
        "audits_tombstone", _MESSAGE, unique=(("low",),), may_update="TRUE", frozen=("low", "high", "root")
    ),
    # What was asked for gets its verdict once.
    Guard(
        "audits_verification",
        "The history of verifications is append-only",
        unique=(("id",),),
        may_update="OLD.verdict = 'pending'",
        frozen=("id", "kind", "started_at", "by"),
    ),
    # A hold is released once; a case can be amended while it is open.
    Guard(
        "audits_hold",
        _FIXED,
        unique=(("id",),),
        may_update="OLD.released_at IS NULL",
        frozen=(
            "title",
            "scope",
            "subject",
            "case_id",
            "since",
            "until",
            "reason",
            "placed_by",
            "placed_at",
        ),
    ),
    Guard(
        "audits_case",
        _FIXED,
        unique=(("id",),),
        may_update="OLD.state = 'open'",
        frozen=("name", "opened_by", "opened_at"),
    ),
    Guard(
        "audits_retentionrule",
        "A rule of retention is changed, never taken away",
        unique=(("framework",),),
        may_update="TRUE",
    ),
)
