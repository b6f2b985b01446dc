"""How the bytes that people vote on are shown: from the bytes alone, nothing looked up, nothing left out.

Free text is marked as untrusted: whoever wrote it wants a yes.
"""

from collections.abc import Iterable
from typing import Any

import orjson
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.admin.access import show_access
from agents.admin.origins import MODEL, OWNER_SIDE, SCANNER
from agents.choices import Autonomy, Environment
from audits.admin.show import (
    show_code,
    show_digest,
    show_facts,
    show_json,
    show_label,
    show_list,
    show_untrusted,
    show_word,
)
from governance.choices import LABELS, ChangeKind, Discipline, RiskLevel
from governance.contents import Content
from governance.risk_score import QUESTIONS

Block = tuple[str, SafeString]


def show_content(content: Content) -> list[Block]:
    """Every part of what is voted on, under its heading."""
    parts = {"elevation": _elevation, "risk_override": _risk_override, "kill": _kill}.get(
        content["kind"], _dossier
    )
    return [(heading, show_facts(facts)) for heading, facts in parts(content)]


def show_functions(content: Content) -> list[dict[str, object]]:
    """The tool manifest of a dossier, a row for each function; empty for anything else."""
    return [
        {
            "name": function["name"],
            "access": show_access(function["access"]),
            "resource": show_word(function["resource"]),
            "description": show_untrusted(function["description"], OWNER_SIDE),
            "parameters": show_json(orjson.loads(function["parameters"])),
            "other": show_code(function["other"]) if function["other"] != "{}" else "",
        }
        for function in (content.get("version") or {}).get("tool_manifest", [])
    ]


def show_rule(rule: dict[str, Any]) -> SafeString:
    """What it takes, in a sentence."""
    seats = ", ".join(Discipline(seat).label for seat in rule["seats"]) or "none in particular"
    veto = " A rejection in one of these seats ends it." if rule["veto"] and rule["seats"] else ""
    return format_html("{} distinct people approve, among them the seats: {}.{}", rule["quorum"], seats, veto)


def _dossier(content: Content) -> Iterable[tuple[str, dict[str, object]]]:
    agent, version, risk, terms = (content[name] for name in ("agent", "version", "risk", "terms"))
    yield (
        "Agent",
        {
            "Name": agent["name"],
            "Slug": show_word(agent["slug"]),
            "Purpose": show_untrusted(agent["purpose"], OWNER_SIDE),
            "Business unit": agent["business_unit"],
            "Problem class": agent["problem_class"],
            "Environment": Environment(agent["environment"]).label,
            "Autonomy": Autonomy(agent["autonomy"]).label,
            "Data": show_list(agent["data_categories"]),
            "Jurisdictions": show_list(agent["jurisdictions"]),
            "Retention rules": show_list(agent["frameworks"]),
            "Runbook": show_untrusted(agent["runbook"], OWNER_SIDE) if agent["runbook"] else "",
            "Monitoring plan": show_untrusted(agent["monitoring_plan"], OWNER_SIDE)
            if agent["monitoring_plan"]
            else "",
        },
    )
    yield "People", _people(content)
    yield (
        "Version",
        {
            "Label": version["label"],
            "Model": " ".join(
                (version["model_provider"], "/", version["model_name"], version["model_version"])
            ).strip(),
            "System prompt": show_digest(version["prompt_digest"], full=True),
            "Code": show_digest(version["code_commit"], full=True),
            "Data snapshot": version["data_snapshot"],
            "Image": version["image_digest"],
            "Provenance": show_digest(version["digest"], full=True),
        },
    )
    if content["change"]:
        yield "The change", _change(content["change"])
    yield "Risk", _risk(risk)
    yield (
        "What a yes gives",
        {
            "Reads, at once": show_list(_functions(content["reads"])),
            "Writes, only when elevated": show_list(_functions(content["writes"])),
            "A write needs": show_rule(terms["writes"]["rule"]),
            "A write lasts": f"{terms['writes']['max_minutes']} minutes at most",
            "A credential lasts": f"{terms['credential_max_seconds']} seconds at most",
            "Released in steps of": show_list([f"{step} %" for step in terms["rollout_steps"]]),
            "This needs": show_rule(terms["rule"]),
        },
    )


def _elevation(content: Content) -> Iterable[tuple[str, dict[str, object]]]:
    version, proposal = content["version"] or {}, content["proposal"]
    yield (
        "Write elevation",
        {
            "Agent": content["agent"]["name"],
            "May do": show_word(content["action"]),
            "On": show_word(content["resource"]),
            "For": f"{content['minutes']} minutes from approval",
            "Never after": content["latest_end"] or "",
            "Times": content["uses"],
            "Only this call": _digest(content["call_digest"]),
            "Revision": content["revision"],
            "Because": show_untrusted(content["intent"], MODEL if content["asked_by"] else OWNER_SIDE),
            "This needs": show_rule(content["terms"]["rule"]),
        },
    )
    if proposal:
        yield (
            "Exactly this was proposed",
            {
                "Function": show_word(proposal["function"]),
                "Finding": show_untrusted(proposal["finding"], SCANNER),
                **show_arguments(proposal["arguments"]),
                "Digest": show_digest(proposal["digest"], full=True),
            },
        )
    yield "People", _people(content)
    yield (
        "What runs",
        {
            "Version": version.get("label", ""),
            "Provenance": show_digest(version.get("digest", ""), full=True),
            "Approved dossier": show_digest(content["dossier"], full=True),
            "Policies": f"{content['policy']['version']}, pipeline {content['policy']['pipeline']}",
            "SHA-256 of the policies": _digest(content["policy"]["sha256"]),
            "The resource as it is known": show_json(content["snapshot"]) if content["snapshot"] else "",
            "Asked by the copy": show_word(content["asked_by"]) if content["asked_by"] else "",
        },
    )


def _risk_override(content: Content) -> Iterable[tuple[str, dict[str, object]]]:
    wanted = RiskLevel(content["level"])
    yield (
        "Another risk class",
        {
            "Agent": content["agent"]["name"],
            "Wanted": show_label(wanted.label, LABELS[wanted]),
            "Because": show_untrusted(content["reason"], OWNER_SIDE),
            "This needs": show_rule(content["terms"]["rule"]),
        },
    )
    yield "Its risk as it stands", _risk(content["assessment"])
    yield "People", _people(content)


def _kill(content: Content) -> Iterable[tuple[str, dict[str, object]]]:
    yield (
        "The end of an agent, for good",
        {
            "Agent": content["agent"]["name"],
            "Its slug": show_code(content["agent"]["slug"]),
            "Because": show_untrusted(content["reason"], OWNER_SIDE),
            "Ends with it": show_list([f"{child['name']} ({child['slug']})" for child in content["created"]])
            or "No other agent: it created none.",
            "Requested by": content["requested_by"]["username"],
            "This needs": show_rule(content["terms"]["rule"]),
        },
    )


def _people(content: Content) -> dict[str, object]:
    return {
        "Owner": content["owner"]["username"],
        "Deputies": show_list([person["username"] for person in content["deputies"]]),
        "Sponsor": content["sponsor"]["username"] if content["sponsor"] else "",
        "Requested by": content["requested_by"]["username"],
    }


def _change(change: Content) -> dict[str, object]:
    """What the version changes, in the owner's side's words."""
    return {
        "What changes": show_list([ChangeKind(kind).label for kind in change["kinds"]]),
        "What and why": show_untrusted(change["summary"], OWNER_SIDE),
        "Who notices, and what is at risk": show_untrusted(change["impact"], OWNER_SIDE),
        "Watched while it is released": show_untrusted(change["monitoring_plan"], OWNER_SIDE),
        "How it is undone": show_untrusted(change["rollback_plan"], OWNER_SIDE),
        "Described by": change["requested_by"]["username"],
    }


def _risk(risk: Content) -> dict[str, object]:
    level = RiskLevel(risk["level"])
    facts: dict[str, object] = {
        "Class": show_label(level.label, LABELS[level]),
        "Score": str(risk["score"]),
    }
    computed = RiskLevel(risk["computed"])
    if computed != level:
        facts["By its answers"] = format_html(
            "{} The board voted for the class above.", show_label(computed.label, LABELS[computed])
        )
    answers = dict(risk["answers"])
    for question in QUESTIONS:
        answer = answers.pop(question.id, "")
        option = question.option(answer)
        facts[question.text] = option.text if option else answer
    return facts | answers


def _digest(digest: str) -> SafeString | str:
    return show_digest(digest, full=True) if digest else ""


def _functions(functions: list[dict[str, str]]) -> list[str]:
    return [f"{function['action']} on {function['resource']}" for function in functions]


def show_arguments(arguments: str) -> dict[str, object]:
    """The arguments of a proposed call, one by one: texts as texts, anything else as JSON."""
    read = orjson.loads(arguments)
    if not isinstance(read, dict):
        return {"Arguments": show_json(read, MODEL)}
    return {
        f"Its {name}": show_untrusted(value, MODEL) if isinstance(value, str) else show_json(value, MODEL)
        for name, value in read.items()
    }
