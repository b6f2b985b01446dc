"""Who may take evidence out. Each predicate returns why not, or None."""

from django.contrib.auth import get_user_model

from audits.actor import Actor


def why_no_bundle(actor: Actor) -> str | None:
    """People need `audits.add_bundle` and `audits.view_names`; agents may never; the product may."""
    return _why_not(actor, "request", "audits.add_bundle")


def why_no_anchor_check(actor: Actor) -> str | None:
    """People need the permission `audits.view_anchor`; agents may never; the product itself may."""
    if actor.kind == "system":
        return None
    person = get_user_model().objects.filter(pk=actor.id).first() if actor.kind == "person" else None
    if person is None or not person.has_perm("audits.view_anchor"):
        return f"{actor.name} may not check anchors. Ask an administrator for the role of auditor."
    return None


def why_no_download(actor: Actor) -> str | None:
    """People need `audits.view_bundle` and `audits.view_names`; agents may never; the product may."""
    return _why_not(actor, "download", "audits.view_bundle")


def why_no_verification(actor: Actor, stream: str = "") -> str | None:
    """People need the permission `audits.view_event`; agents may never; the product itself may.

    The stream of a person is named by those alone who may read names.
    """
    reason = why_not_read(actor, "audits.view_event", "the ledger")
    if reason is None and stream.startswith("person/"):
        return why_not_read(actor, "audits.view_names", "the stream of a person")
    return reason


def why_not_read(actor: Actor, permission: str, what: str) -> str | None:
    """People need `permission` to look at `what`; agents may never; the product itself may."""
    if actor.kind == "system":
        return None
    if actor.kind == "agent":
        return f"An agent may not look at {what}: a person must."
    person = get_user_model().objects.filter(pk=actor.id).first()
    if person is None or not person.has_perm(permission):
        return f"{actor.name} may not look at {what}. Ask an administrator for the role of auditor."
    return None


def why_not_adopt(actor: Actor) -> str | None:
    """Only administrators, and the product itself, say that a row is right without an event."""
    if actor.kind == "system":
        return None
    person = get_user_model().objects.filter(pk=actor.id).first() if actor.kind == "person" else None
    if person is None or not (person.is_active and person.is_superuser):
        return f"{actor.name} may not adopt rows into their history. Ask an administrator."
    return None


def why_no_replay(actor: Actor) -> str | None:
    """People need the permission `audits.change_sinkcursor`; agents may never; the product itself may."""
    if actor.kind == "system":
        return None
    if actor.kind == "agent":
        return "An agent may not have a SIEM told again: a person must ask for the replay."
    person = get_user_model().objects.filter(pk=actor.id).first()
    if person is None or not person.has_perm("audits.change_sinkcursor"):
        return f"{actor.name} may not have a SIEM told again. Ask an administrator to do it."
    return None


def _why_not(actor: Actor, verb: str, permission: str) -> str | None:
    if actor.kind == "system":
        return None
    if actor.kind == "agent":
        return f"An agent may not take evidence out: a person must {verb} the bundle."
    person = get_user_model().objects.filter(pk=actor.id).first()
    # A bundle holds names and payloads: who may not read them in the portal does not take them out.
    if person is None or not person.has_perms([permission, "audits.view_names"]):
        return f"{actor.name} may not {verb} bundles. Ask an administrator for the role of auditor."
    return None


def why_not_erase(actor: Actor, subject: str) -> str | None:
    """The permission is `audits.add_erasure`; and nobody erases themselves."""
    if actor.ref == subject:
        return "Nobody erases themselves: ask another person of data protection."
    return _against_disposal(actor, "audits.add_erasure", "erase people")


def why_not_export(actor: Actor) -> str | None:
    return _against_disposal(actor, "audits.add_erasure", "read everything that is held about a person")


def why_not_redact(actor: Actor) -> str | None:
    return _against_disposal(actor, "audits.add_redaction", "redact events")


def why_not_prune(actor: Actor) -> str | None:
    return _against_disposal(actor, "audits.add_tombstone", "prune the ledger")


def why_not_change_retention(actor: Actor) -> str | None:
    return _against_disposal(actor, "audits.change_retentionrule", "change how long events are kept")


def why_not_hold(actor: Actor) -> str | None:
    return _against_disposal(actor, "audits.add_hold", "place legal holds")


def why_not_release(actor: Actor, placed_by: str) -> str | None:
    """A second person, never who placed it, nor a part of the product, which is nobody."""
    if actor.kind != "person":
        return "A legal hold is released by a person, in the portal."
    if actor.ref == placed_by:
        return "Whoever placed a legal hold does not release it: ask another person of data protection."
    return _against_disposal(actor, "audits.change_hold", "release legal holds")


def why_not_open_case(actor: Actor) -> str | None:
    return _against_disposal(actor, "audits.add_case", "open cases")


def why_not_change_case(actor: Actor) -> str | None:
    return _against_disposal(actor, "audits.change_case", "change cases")


def _against_disposal(actor: Actor, permission: str, verb: str) -> str | None:
    """People need the permission; agents may never; the product itself may."""
    if actor.kind == "system":
        return None
    if actor.kind == "agent":
        return f"An agent may not {verb}: a person must."
    person = get_user_model().objects.filter(pk=actor.id).first()
    if person is None or not person.has_perm(permission):
        return f"{actor.name} may not {verb}. Ask an administrator for the role of data protection."
    return None
