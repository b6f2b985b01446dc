"""The ledger is append-only: what the database refuses to do to its tables."""

from audits.triggers import Guard

_MESSAGE = "The ledger is append-only"
_SEALED = "EXISTS (SELECT 1 FROM audits_entry WHERE audits_entry.event_id = OLD.event_id)"

GUARDS = (
    Guard("audits_event", _MESSAGE, unique=(("id",),)),
    Guard("audits_body", _MESSAGE, unique=(("event_id",),)),
    Guard("audits_pending", _MESSAGE, unique=(("id",), ("event_id",)), may_delete=_SEALED),
    Guard("audits_entry", _MESSAGE, unique=(("seq",), ("stream", "stream_seq"), ("event_id",))),
    Guard("audits_node", _MESSAGE, unique=(("level", "index"),)),
    Guard("audits_checkpoint", _MESSAGE, unique=(("size",),)),
)
