"""The embedded planner: fixed rules that speak the chat-completions protocol. Not a language model.

It reads nothing but the request's messages, as a model would, and answers the same request with the
same bytes: ids are derived from digests, and there is no clock, no chance and no memory in it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from agents.analyst.prompt import BEGIN, END
from agents.choices import Severity

NAME = "embedded-planner"
VERSION = "1"
LABEL = "Embedded planner (rules, not a language model)"
BASE_URL = "http://embedded-planner.invalid/v1"
MAX_LOOKUPS = 8
MAX_TITLE = 200
SERIOUS = (Severity.CRITICAL, Severity.HIGH)

Message = Mapping[str, Any]


class PlannerTransport(httpx2.BaseTransport):
    """Answers POST /chat/completions inside this process; nothing goes over a network."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=complete(json.loads(request.read())))


def complete(request: Mapping[str, Any]) -> dict[str, Any]:
    """The chat completion for a chat-completions request."""
    messages = request["messages"]
    seed = hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest()
    message, finish_reason = _message(messages, seed)
    return {
        "id": f"chatcmpl-{seed[:24]}",
        "object": "chat.completion",
        "created": 0,
        "model": NAME,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    }


def _message(messages: Sequence[Message], seed: str) -> tuple[dict[str, Any], str]:
    finding = _finding(messages)
    results = _results(messages)
    calls = _next_calls(finding, results)
    if not calls:
        answer = json.dumps(_answer(finding, results))
        return {"role": "assistant", "content": answer}, "stop"
    tool_calls = [
        {
            "id": f"call_{hashlib.sha256(f'{seed}/{number}'.encode()).hexdigest()[:24]}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        }
        for number, (name, arguments) in enumerate(calls)
    ]
    return {"role": "assistant", "content": None, "tool_calls": tool_calls}, "tool_calls"


def _finding(messages: Sequence[Message]) -> dict[str, Any]:
    text = next(str(message["content"]) for message in messages if message["role"] == "user")
    finding: dict[str, Any] = json.loads(text.partition(BEGIN)[2].rpartition(END)[0])
    return finding


def _results(messages: Sequence[Message]) -> dict[str, list[dict[str, Any]]]:
    """What each function answered so far, by its name."""
    names = {
        call["id"]: call["function"]["name"]
        for message in messages
        for call in message.get("tool_calls") or ()
    }
    results: dict[str, list[dict[str, Any]]] = {}
    for message in messages:
        if message["role"] == "tool":
            results.setdefault(names[message["tool_call_id"]], []).append(json.loads(message["content"]))
    return results


def _next_calls(
    finding: Mapping[str, Any], results: Mapping[str, list[dict[str, Any]]]
) -> list[tuple[str, dict[str, Any]]]:
    cves = _cves(finding)
    if cves and "get_vulnerability_info" not in results:
        return [("get_vulnerability_info", {"cve_id": cve}) for cve in cves[:MAX_LOOKUPS]]
    severity = _severity(finding, _facts(results))
    if finding["vulnerability_ids"] and "assess_vulnerability" not in results:
        return [("assess_vulnerability", _question(finding, severity))]
    if severity in SERIOUS and "open_ticket" not in results:
        return [("open_ticket", _ticket(finding, severity, results))]
    return []


def _cves(finding: Mapping[str, Any]) -> list[str]:
    return [name for name in finding["vulnerability_ids"] if name.startswith("CVE-")]


def _facts(results: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """NVD's record of the first CVE that it has one of."""
    for answer in results.get("get_vulnerability_info", ()):
        facts = (answer.get("result") or {}).get("facts")
        if facts:
            return dict(facts)
    return {}


def _severity(finding: Mapping[str, Any], facts: Mapping[str, Any]) -> Severity:
    """NVD's where it has one, else the scanner's; at least high where it is known to be exploited."""
    given = str(facts.get("severity", ""))
    severity = Severity(given if given in Severity.values else finding["severity"])
    return Severity.HIGH if facts.get("kev") and severity.rank > Severity.HIGH.rank else severity


def _question(finding: Mapping[str, Any], severity: Severity) -> dict[str, Any]:
    return {
        "vulnerability_id": _line(finding["vulnerability_ids"][0], MAX_TITLE),
        "severity": severity.value,
        "package_name": _line(finding["component"], 500),
    }


def _ticket(
    finding: Mapping[str, Any], severity: Severity, results: Mapping[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    title = f"{_name(finding)}: {severity.value} vulnerability in {_component(finding)}"
    body = f"{_reasoning(finding, severity, results)}\n\n{_recommendation(finding, results)}"
    return {"title": _line(title, MAX_TITLE), "body": body[:8000], "severity": severity.value}


def _answer(finding: Mapping[str, Any], results: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    facts = _facts(results)
    severity = _severity(finding, facts)
    more = len(_cves(finding)) - MAX_LOOKUPS
    return {
        "severity": severity.value,
        "confidence": 0.9 if facts else 0.6,
        "reasoning": _reasoning(finding, severity, results)[:4000],
        "recommendation": _recommendation(finding, results)[:4000],
        "nvd_lookup_skipped": f"{more} further CVE ids are beyond {MAX_LOOKUPS} lookups." if more > 0 else "",
    }


def _reasoning(
    finding: Mapping[str, Any], severity: Severity, results: Mapping[str, list[dict[str, Any]]]
) -> str:
    sentences = [f"The scanner rates {_name(finding)} in {_component(finding)} {finding['severity']}."]
    sentences += _nvd_sentences(finding, results)
    view = _organisation(results)
    if view:
        sentences.append(
            f"Here it is found in {view['other_reports']} other reports; {severity.value} findings are to be "
            f"remediated within {view['deadline_days']} days ({view['deadline_source']})."
        )
    ticket = next(iter(results.get("open_ticket", ())), None)
    if ticket and ticket["status"] != "executed":
        sentences.append(f"The ticket was refused: {ticket.get('message', '')}")
    return " ".join(sentences)


def _nvd_sentences(finding: Mapping[str, Any], results: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    if not _cves(finding):
        return ["It names no CVE, so there is nothing to look up in NVD."]
    facts = _facts(results)
    if facts:
        score = f" with CVSS {facts['cvss_version']} {facts['cvss_score']}" if facts["cvss_score"] else ""
        known = " It is in CISA's catalogue of exploited vulnerabilities." if facts["kev"] else ""
        weaknesses = f" Weaknesses: {', '.join(facts['cwes'])}." if facts["cwes"] else ""
        rating = facts["severity"] or "without a severity"
        return [f"NVD rates {facts['cve_id']} {rating}{score}, which decides.{known}{weaknesses}"]
    answers = results.get("get_vulnerability_info", ())
    reasons = [(answer.get("result") or {}).get("reason") or answer.get("message", "") for answer in answers]
    return [f"NVD does not help: {' '.join(reasons)} The scanner's rating stands."]


def _recommendation(finding: Mapping[str, Any], results: Mapping[str, list[dict[str, Any]]]) -> str:
    view = _organisation(results)
    deadline = f" within {view['deadline_days']} days" if view else ""
    if finding["fixed_version"]:
        return f"Update {_component(finding)} to {_line(finding['fixed_version'], 500)}{deadline}."
    if finding["category"] == "secret":
        return f"Revoke and replace the exposed secret{deadline}, and remove it from the source."
    component = _component(finding)
    return f"No fixed version is known. Reduce the exposure of {component}{deadline}, and watch for a fix."


def _organisation(results: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return next(
        (answer["result"] for answer in results.get("assess_vulnerability", ()) if "result" in answer), {}
    )


def _name(finding: Mapping[str, Any]) -> str:
    names = finding["vulnerability_ids"]
    return _line(names[0] if names else finding["title"], 100)


def _component(finding: Mapping[str, Any]) -> str:
    named = f"{finding['component']} {finding['component_version']}".strip() or finding["location"]
    return _line(named, 200) or "the target"


def _line(text: str, length: int) -> str:
    """On one line, without control characters."""
    return "".join(character if character.isprintable() else " " for character in text)[:length].strip()
