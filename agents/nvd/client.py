"""Ask the NVD API 2.0 for one CVE, through the one door, inside NVD's rate limit.

https://nvd.nist.gov/developers/vulnerabilities; limits: https://nvd.nist.gov/developers/start-here
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from django.conf import settings

from agents import outbound, rate
from agents.nvd import records
from agents.secrets import SecretValue

WINDOW = timedelta(seconds=30)
REQUESTS_WITHOUT_KEY, REQUESTS_WITH_KEY = 5, 50
PATIENCE = timedelta(seconds=60)
HTTP_FORBIDDEN = 403

Key = Callable[[], AbstractContextManager[SecretValue]]


def fetch(cve_id: str, *, key: Key | None = None) -> Mapping[str, Any] | None:
    """The `cve` object of NVD, or None where NVD has no such record. No transaction may be open.

    Raises:
        OutboundError: NVD could not be asked, or did not answer in its own format. `temporary` says
            whether trying again can help (NVD answers 403 and 429 to too many requests).
    """
    _wait_for_a_turn(has_key=key is not None or bool(settings.NVD_API_KEY))
    try:
        with key() if key else SecretValue(settings.NVD_API_KEY) as value:
            answer = outbound.get_json(
                settings.NVD_URL,
                params={"cveId": cve_id},
                headers={"apiKey": value.reveal()} if value.reveal() else {},
                trusted_origins=(settings.NVD_URL,),
            )
    except outbound.OutboundError as error:
        error.temporary = error.temporary or error.status == HTTP_FORBIDDEN
        raise
    return _record(answer, cve_id)


def _wait_for_a_turn(*, has_key: bool) -> None:
    requests = REQUESTS_WITH_KEY if has_key else REQUESTS_WITHOUT_KEY
    try:
        rate.wait("nvd", interval=WINDOW / requests, patience=PATIENCE)
    except rate.RateError as error:
        message = f"NVD allows {requests} requests in {WINDOW.seconds} s and others are waiting."
        raise outbound.OutboundError(message, temporary=True) from error


def _record(answer: object, cve_id: str) -> Mapping[str, Any] | None:
    listed = answer.get("vulnerabilities") if isinstance(answer, dict) else None
    if not isinstance(listed, list):
        raise outbound.OutboundError("NVD's answer has no list of `vulnerabilities`.")
    if not listed:
        return None
    entry = listed[0]
    try:
        cve = records.checked(entry.get("cve") if isinstance(entry, dict) else None)
    except records.RecordError as error:
        raise outbound.OutboundError(f"NVD's answer is not understood: {error}.") from error
    if cve["id"] != cve_id:
        raise outbound.OutboundError(f"NVD answered about {cve['id']} when asked for {cve_id}.")
    return cve
