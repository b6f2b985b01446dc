"""What a request asks, for somebody who has two minutes: the questions that anybody would have.

Read from the bytes that are voted on, like the rest of the page; only people's names are today's.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents.admin.origins import MODEL, OWNER_SIDE, SCANNER
from agents.models import Person
from audits.admin.show import (
    show_facts,
    show_foreign,
    show_label,
    show_list,
    show_reference,
    show_time,
    show_untrusted,
    show_word,
)
from governance import manifest, selectors
from governance.admin.word_diff import show_change
from governance.choices import LABELS, Discipline, RiskLevel
from governance.contents import Content
from governance.models import Approval
from governance.risk_score import QUESTIONS

# What the parts of a dossier are called on the page.
FIELDS = {
    "agent.name": "Name",
    "agent.slug": "Slug",
    "agent.purpose": "Purpose",
    "agent.business_unit": "Business unit",
    "agent.problem_class": "Problem class",
    "agent.environment": "Environment",
    "agent.autonomy": "Autonomy",
    "agent.data_categories": "Data",
    "agent.jurisdictions": "Jurisdictions",
    "agent.frameworks": "Retention rules",
    "agent.runbook": "Runbook",
    "agent.monitoring_plan": "Monitoring plan",
    "sponsor.username": "Sponsor",
    "owner.username": "Owner",
    "requested_by.username": "Requested by",
    "version.label": "Version",
    "version.id": "Version, by its id",
    "version.digest": "Provenance",
    "version.model_provider": "Model's provider",
    "version.model_name": "Model",
    "version.model_version": "Model's version",
    "version.prompt_digest": "System prompt",
    "version.code_commit": "Code",
    "version.data_snapshot": "Data snapshot",
    "version.image_digest": "Image",
    "risk.level": "Risk class",
    "risk.score": "Risk score",
    "risk.computed": "Risk class by the answers",
    "terms.credential_max_seconds": "Seconds that a credential lasts at most",
    "terms.writes.max_minutes": "Minutes that a write elevation lasts at most",
    "terms.rule.quorum": "Approvals that a version needs",
    "terms.writes.rule.quorum": "Approvals that a write needs",
}
LISTS = ("agent.data_categories", "agent.jurisdictions", "agent.frameworks")
GROUPS = (
    ("version.tool_manifest[", "Function"),
    ("reads[", "Reads"),
    ("writes[", "Writes, only when elevated"),
    ("deputies[", "Deputy"),
    ("excluded[", "May not vote, by id"),
    ("terms.", "What the risk class demands"),
)


def summary(approval: Approval, content: Content) -> SafeString:
    """The request as questions and answers."""
    answers = {"elevation": _elevation, "risk_override": _risk_override, "kill": _kill}.get(
        content["kind"], _dossier
    )
    return show_facts(dict(answers(approval, content)))


def show_differences(approval: Approval) -> list[dict[str, object]]:
    """What differs from the last approved dossier, in the page's words; mere ids come last."""
    return show_changes(selectors.differences(approval))


def show_changes(changes: Iterable[selectors.Difference]) -> list[dict[str, object]]:
    """Field by field, what is gone and what is new marked word by word; mere ids come last."""
    found: list[dict[str, object]] = []
    for change in sorted(changes, key=lambda change: change.path.endswith(".id")):
        before, after = show_change(change.before, change.after)
        found.append({"name": name_of(change.path), "path": change.path, "before": before, "after": after})
    return found


def name_of(path: str) -> str:
    """What the page calls a field of a dossier."""
    if path in FIELDS:
        return FIELDS[path]
    for question in QUESTIONS:
        if path == f"risk.answers.{question.id}":
            return question.text
    listed = next((FIELDS[name] for name in LISTS if path.startswith(f"{name}[")), "")
    if listed:
        return listed
    return next((words for start, words in GROUPS if path.startswith(start)), path)


def _dossier(approval: Approval, content: Content) -> Iterator[tuple[str, object]]:
    agent, version, terms = content["agent"], content["version"], content["terms"]
    names = _names(content)
    level = RiskLevel(content["risk"]["level"])
    yield (
        "What is it?",
        format_html(
            "{}, version {}. {}",
            agent["name"],
            version["label"],
            show_untrusted(agent["purpose"], OWNER_SIDE),
        ),
    )
    yield "Who answers for it?", _owners(content, names)
    yield "What data does it see?", show_list(agent["data_categories"])
    yield "What may it read?", _functions(content, content["reads"], "Nothing.")
    yield (
        "What could it write?",
        format_html(
            "{}{}", _functions(content, content["writes"], "Nothing."), _only_how(content["writes"], terms)
        ),
    )
    yield "What has changed?", _changes(approval)
    if content.get("change"):
        yield "Why?", show_untrusted(content["change"]["summary"], OWNER_SIDE)
    yield (
        "How risky is it?",
        format_html(
            "{} The owner's side answered the questionnaire; the answers are below.",
            show_label(level.label, LABELS[level]),
        ),
    )
    yield (
        "What am I asked?",
        format_html(
            "Whether this version may run. It needs {} Decide by {}. "
            "Once approved it is active, and reads only.",
            _rule(approval.rule),
            show_time(approval.expires_at),
        ),
    )


def _elevation(approval: Approval, content: Content) -> Iterator[tuple[str, object]]:
    names = _names(content)
    proposal = content["proposal"]
    uses = "once" if content["uses"] == 1 else f"{content['uses']} times at most"
    yield (
        "What is asked?",
        format_html(
            "{} may do {} {}, within {} minutes of the approval. It ends by itself.",
            content["agent"]["name"],
            show_word(content["action"]),
            uses,
            content["minutes"],
        ),
    )
    yield (
        "On what?",
        format_html(
            "{} {} {}",
            show_foreign(proposal["finding"], SCANNER) if proposal else "",
            "Every resource of the form" if manifest.STAR in content["resource"] else "",
            show_reference(content["resource"], full=True),
        ),
    )
    yield "Why?", show_untrusted(content["intent"], MODEL if content["asked_by"] else OWNER_SIDE)
    if content["revision"] > 1:
        yield "Is it new?", f"Revision {content['revision']}. Votes on the wordings before are void."
    if proposal:
        yield (
            "What would it write?",
            f"What {MODEL} proposed, exactly as it stands below, and nothing else.",
        )
    itself = f"The agent itself, for which {_person(content['requested_by'], names)} answers"
    yield "Who asks?", itself if content["asked_by"] else _person(content["requested_by"], names)
    yield "Who answers for it?", _owners(content, names)
    is_one = content["uses"] == 1 and manifest.STAR not in content["resource"]
    yield (
        "What am I asked?",
        format_html(
            "Whether {} may happen. It needs {} Decide by {}.",
            "this one write" if is_one else "these writes",
            _rule(approval.rule),
            show_time(approval.expires_at),
        ),
    )


def _kill(approval: Approval, content: Content) -> Iterator[tuple[str, object]]:
    created = [f"{child['name']} ({child['slug']})" for child in content["created"]]
    yield (
        "What is asked?",
        format_html(
            "{} ends, at once and for good: its copies, tokens, grants, elevations and requests.",
            content["agent"]["name"],
        ),
    )
    yield "What ends with it?", show_list(created) if created else "No other agent: it created none."
    yield "Why?", show_untrusted(content["reason"], OWNER_SIDE)
    yield "Until when?", "It is never taken back: no vote and no person brings it back."
    yield "Who asks?", _person(content["requested_by"], _names(content))
    yield (
        "What am I asked?",
        format_html(
            "Whether all of this ends. It needs {} Decide by {}.",
            _rule(approval.rule),
            show_time(approval.expires_at),
        ),
    )


def _risk_override(approval: Approval, content: Content) -> Iterator[tuple[str, object]]:
    names = _names(content)
    now, wanted = RiskLevel(content["assessment"]["level"]), RiskLevel(content["level"])
    computed = RiskLevel(content["assessment"]["computed"])
    yield (
        "What is asked?",
        format_html(
            "{} is treated as {} from now on, not as {}, whatever its answers say: they lead to {}.",
            content["agent"]["name"],
            show_label(wanted.label, LABELS[wanted]),
            show_label(now.label, LABELS[now]),
            show_label(computed.label, LABELS[computed]),
        ),
    )
    yield "Why?", show_untrusted(content["reason"], OWNER_SIDE)
    yield "Until when?", "Until the questionnaire is answered anew."
    yield "Who asks?", _person(content["requested_by"], names)
    yield "Who answers for it?", _owners(content, names)
    yield (
        "What am I asked?",
        format_html(
            "Whether this agent may have another class than computed. It needs {} Decide by {}. What is "
            "approved for it is edited then: it only reads until its dossier is approved again.",
            _rule(approval.rule),
            show_time(approval.expires_at),
        ),
    )


def _functions(content: Content, functions: list[dict[str, str]], none: str) -> SafeString | str:
    """Each function with what it says it does, which is the owner's side's own word."""
    says = {item["name"]: item["description"] for item in content["version"]["tool_manifest"]}
    if not functions:
        return none
    rows = (
        (show_word(item["action"]), item["resource"], show_foreign(says.get(item["action"]), OWNER_SIDE))
        for item in functions
    )
    return format_html('<ul class="cs-answers">{}</ul>', format_html_join("", "<li>{} on {}: {}</li>", rows))


def _only_how(writes: list[dict[str, str]], terms: Content) -> SafeString | str:
    if not writes:
        return ""
    return format_html(
        "<p><strong>Never by itself.</strong> Each write needs a write elevation of its own: one action "
        "on one resource, for {} minutes at most, and {} Anything else is refused and recorded.</p>",
        terms["writes"]["max_minutes"],
        _rule(terms["writes"]["rule"]),
    )


def _changes(approval: Approval) -> SafeString | str:
    changes = selectors.differences(approval)
    if selectors.previous_approval(approval) is None:
        return "All of it is new: nothing was approved for this agent before."
    if not changes:
        return "Nothing."
    named = list(dict.fromkeys(name_of(change.path) for change in changes if not change.path.endswith(".id")))
    same = "" if any(change.path == "version.digest" for change in changes) else (
        " Model, prompt, code and functions are the same, byte for byte."
    )  # fmt: skip
    return format_html(
        '<a class="cs-link" href="#differences-heading">{}</a>.{}', ", ".join(named) or "Only ids", same
    )


def _rule(rule: dict[str, Any]) -> str:
    """What it takes, to go on in a sentence."""
    seats = _and([Discipline(seat).label for seat in rule["seats"]])
    among = f", among them {seats}" if seats else ""
    return f"{rule['quorum']} approvals{among}."


def _and(words: list[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def _owners(content: Content, names: dict[str, str]) -> SafeString:
    deputies = [_person(deputy, names) for deputy in content["deputies"]]
    unit = content["agent"].get("business_unit", "")
    return format_html(
        "{}, its owner{}. {}",
        _person(content["owner"], names),
        f", in {unit}" if unit else "",
        format_html("Deputies: {}.", _and(deputies)) if deputies else "No deputies.",
    )


def _person(person: dict[str, str], names: dict[str, str]) -> str:
    name = names.get(person["id"], "")
    return f"{name} ({person['username']})" if name else person["username"]


def _names(content: Content) -> dict[str, str]:
    owners = (content["owner"], *content["deputies"]) if "owner" in content else ()
    people: Iterable[dict[str, str]] = (content["requested_by"], *owners)
    found = Person.objects.filter(pk__in=[person["id"] for person in people])
    return {str(person.pk): person.get_full_name() for person in found}
