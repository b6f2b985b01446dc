"""The same request with the same `Idempotency-Key` is done once, and answered the same."""

import hashlib
import json
import re
from collections.abc import Callable

from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from audits.api.problems import Problem, Refused
from audits.services import api_answers

LONGEST = 255
PATTERN = rf"^[!-~]{{1,{LONGEST}}}$"
_key = re.compile(PATTERN).match


def once(request: Request, *, caller: str, act: Callable[[], Response]) -> Response:
    """`act`, or what it answered before under the key that the request carries; without a key just `act`.

    Raises:
        Refused: the key is none.
        ServiceError: it was used for another request, or this one is under way.
    """
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return act()
    if not _key(given):
        raise Refused(Problem.MALFORMED, f"An Idempotency-Key is 1 to {LONGEST} visible ASCII characters.")
    answer = api_answers.claim(caller=caller, key=given, fingerprint=_fingerprint(request))
    if answer.status:
        headers = {"Location": answer.location} if answer.location else {}
        return Response(json.loads(answer.body), status=answer.status, headers=headers)
    try:
        answered = act()
    except BaseException:
        api_answers.release(answer=answer)
        raise
    body = JSONRenderer().render(answered.data).decode()
    location = answered.headers.get("Location", "")
    api_answers.keep(answer=answer, status=answered.status_code, location=location, body=body)
    return answered


def _fingerprint(request: Request) -> str:
    asked = [request.method, request.get_full_path(), request.data]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
