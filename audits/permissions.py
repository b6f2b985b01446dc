"""Who may take evidence out. Each predicate returns why not, or None."""

from django.contrib.auth import get_user_model

from audits.actor import Actor


def why_no_bundle(actor: Actor) -> str | None:
    """People need the permission `audits.add_bundle`; agents may never; the product itself may."""
    return _why_not(actor, "request", "audits.add_bundle")


def why_no_download(actor: Actor) -> str | None:
    """People need the permission `audits.view_bundle`; agents may never; the product itself may."""
    return _why_not(actor, "download", "audits.view_bundle")


def _why_not(actor: Actor, verb: str, permission: str) -> str | None:
    if actor.kind == "system":
        return None
    if actor.kind == "agent":
        return f"An agent may not take evidence out: a person must {verb} the bundle."
    person = get_user_model().objects.filter(pk=actor.id).first()
    if person is None or not person.has_perm(permission):
        return f"{actor.name} may not {verb} bundles. Ask an administrator for the role of auditor."
    return None
