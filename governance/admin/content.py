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
from governance.choices import LABELS, Discipline, RiskLevel
from governance.contents import Content
from governance.risk_score import QUESTIONS

Block = tuple[str, SafeString]


def show_content(content: Content) -> list[Block]:
    """Every part of what is voted on, under its heading."""
    parts = _elevation if content["kind"] == "elevation" else _dossier
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
        for function in content["version"].get("tool_manifest", [])
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
            "Data": show_list(agent["data_categories"]),
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
    yield "Risk", _risk(risk)
    yield (
        "What a yes gives",
        {
            "Reads, at once": show_list(_functions(content["reads"])),
            "Writes, only when elevated": show_list(_functions(content["writes"])),
            "A write needs": show_rule(terms["writes"]["rule"]),
            "A write lasts": f"{terms['writes']['max_minutes']} minutes at most",
            "A credential lasts": f"{terms['credential_max_seconds']} seconds at most",
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
            "Times": content["uses"],
            "Because": show_untrusted(content["intent"], OWNER_SIDE),
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
        },
    )


def _people(content: Content) -> dict[str, object]:
    return {
        "Owner": content["owner"]["username"],
        "Deputies": show_list([person["username"] for person in content["deputies"]]),
        "Requested by": content["requested_by"]["username"],
    }


def _risk(risk: Content) -> dict[str, object]:
    level = RiskLevel(risk["level"])
    facts: dict[str, object] = {
        "Class": show_label(level.label, LABELS[level]),
        "Score": str(risk["score"]),
    }
    answers = dict(risk["answers"])
    for question in QUESTIONS:
        answer = answers.pop(question.id, "")
        option = question.option(answer)
        facts[question.text] = option.text if option else answer
    return facts | answers


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
