"""The endpoints of the AuthZEN Authorization API 1.0, and the S4-5 shape beside them."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from governance import abac, access, access_request, authzen, searching
from governance.access import Answered
from governance.api import egress, http, outcomes, revocations
from governance.authzen import Batch, Evaluation, MalformedError, Semantic
from governance.models import EnforcementPoint

Body = dict[str, Any]

METADATA_PATH = "/.well-known/authzen-configuration"
PATHS = {
    "access_evaluation_endpoint": "/access/v1/evaluation",
    "access_evaluations_endpoint": "/access/v1/evaluations",
    "search_subject_endpoint": "/access/v1/search/subject",
    "search_resource_endpoint": "/access/v1/search/resource",
    "search_action_endpoint": "/access/v1/search/action",
    **revocations.METADATA,
    "access_request_endpoint": access_request.PATH,
}


def evaluation(found: Body, point: EnforcementPoint) -> Body:
    asked = authzen.evaluation(found)
    return _shown(access.decide(evaluation=asked, point=point), asked, with_context=True)


def evaluations(found: Body, point: EnforcementPoint) -> Body:
    batch = authzen.batch(found)
    if batch is None:
        return evaluation(found, point)
    return {"evaluations": _each(batch, point)}


def _each(batch: Batch, point: EnforcementPoint) -> list[Body]:
    """The answers in the order of the questions, up to the one that settles it."""
    stop = {Semantic.DENY_ON_FIRST_DENY: False, Semantic.PERMIT_ON_FIRST_PERMIT: True}.get(batch.semantic)
    shown = []
    for item in batch.items:
        answered = _item(item, point)
        shown.append(_shown(answered, item, with_context=batch.with_context))
        if answered.allowed is stop:
            break
    return shown


def _item(item: Evaluation | MalformedError, point: EnforcementPoint) -> Answered:
    if isinstance(item, MalformedError):
        return access.deny_malformed(error=item, point=point)
    return access.decide(evaluation=item, point=point)


def _shown(answered: Answered, asked: Evaluation | MalformedError, *, with_context: bool) -> Body:
    # Whoever may go on has to know under what: obligations come even where no context is asked for.
    owed = {"obligations": list(answered.obligations)} if answered.obligations else {}
    if not with_context:
        return {"decision": answered.allowed, **({"context": owed} if owed else {})}
    context = {
        "evaluation_id": str(answered.id),
        "reason": str(answered.reason),
        "message": answered.message,
        "requestable": answered.requestable,
        "policy_version": answered.policy_version,
        **owed,
    }
    if answered.access_request:
        context["access_request"] = answered.access_request
    if isinstance(asked, Evaluation):
        context |= access_request.next_action(
            asked, allowed=answered.allowed, requestable=answered.requestable
        )
    return {"decision": answered.allowed, "context": context}


def search_subject(found: Body, point: EnforcementPoint) -> Body:
    asked = authzen.searched(found, "subject")
    return _results("subject", asked, found, point, lambda name: {"type": asked.subject.type, "id": name})


def search_resource(found: Body, point: EnforcementPoint) -> Body:
    asked = authzen.searched(found, "resource")
    return _results("resource", asked, found, point, lambda name: {"type": asked.resource.type, "id": name})


def search_action(found: Body, point: EnforcementPoint) -> Body:
    return _results("action", authzen.searched(found, "action"), found, point, lambda name: {"name": name})


def _results(kind: str, asked: Evaluation, found: Body, point: EnforcementPoint, show: Any) -> Body:
    """`page` comes first, and only where it was asked for or is needed."""
    page = authzen.page(found)
    results = searching.search(kind=kind, asked=asked, page=page, point=point)
    shown = {"results": [show(name) for name in results.ids]}
    if page is None and not results.next_token:
        return shown
    return {"page": {"next_token": results.next_token, "count": len(results.ids)}, **shown}


def abac_request(found: Body, point: EnforcementPoint) -> Body:
    """S4-5: the question comes back with its `Policy_Decision`."""
    request = abac.read(found)
    if abac.names_owner(request):
        answered = access.decide(evaluation=request.evaluation, point=point)
    else:
        answered = access.deny_other_owner(evaluation=request.evaluation, point=point)
    return {
        **{name: found[name] for name in abac.SHAPE},
        "Policy_Decision": "ALLOW" if answered.allowed else "DENY",
        "Evaluation_Id": str(answered.id),
        "Reason": str(answered.reason),
        "Policy_Version": answered.policy_version,
        **({"Obligations": list(answered.obligations)} if answered.obligations else {}),
    }


def metadata() -> Mapping[str, Any]:
    base = settings.ISSUER.rstrip("/")
    return {"policy_decision_point": base, **{name: f"{base}{path}" for name, path in PATHS.items()}}


ROUTES: Mapping[str, http.View] = {
    METADATA_PATH: http.document(metadata),
    "/access/v1/evaluation": http.endpoint(evaluation),
    "/access/v1/evaluations": http.endpoint(evaluations),
    "/access/v1/search/subject": http.endpoint(search_subject),
    "/access/v1/search/resource": http.endpoint(search_resource),
    "/access/v1/search/action": http.endpoint(search_action),
    "/access/v1/abac": http.endpoint(abac_request),
    **revocations.ROUTES,
    "/access/v1/egress": http.endpoint(egress.check),
    "/access/v1/outcomes": http.endpoint(outcomes.report),
}
