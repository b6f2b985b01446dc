"""The pages of a bundle that are for people: README.txt, index.html and report.pdf. They prove nothing.

What events say is untrusted text: in the page it is escaped, into the PDF it goes as data, not as markup.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import typst
from django.template.loader import render_to_string

from audits import formats, keys
from audits.bundle.lines import Shown, Written
from audits.bundle.scope import Scope

VERSION = "0.1.0"
ROWS_IN_PAGE, ROWS_IN_PDF, STREAMS_IN_PDF = 1_000, 500, 50
LONGEST_TEXT = 300
TEMPLATE = Path(__file__).with_name("report.typ")
FILES = {
    "approvals": "The exact contents that people approved",
    "assessments": "The exact assessments that people signed",
    "documents": "Documents that were attached",
    "artefacts": "Records as they were when this was built",
    "history": "What the governed records were before",
    "controls": "Controls",
    "oscal": "The same as OSCAL",
    "anchors": "Receipts of checkpoints that were published outside",
    "entries": "The sealed events, exact bytes",
    "bodies": "What the events were about",
}
FOLDED = {"entries", "bodies"}
LISTED = 50


@dataclass(frozen=True, slots=True)
class Readable:
    """What the pages are about."""

    scope: Scope
    written: Written
    incomplete: list[str]
    files: list[str]

    def pages(self) -> Iterator[tuple[str, bytes]]:
        context = self._context()
        yield "README.txt", render_to_string("audits/bundle/README.txt", context).encode()
        rows = [_row(shown) for shown in self.written.shown[:ROWS_IN_PAGE]]
        listing = {"rows": rows, "limit": ROWS_IN_PAGE, "groups": self._groups()}
        yield "index.html", render_to_string("audits/bundle/index.html", context | listing).encode()
        yield "report.pdf", self._pdf(context)

    def _context(self) -> dict[str, Any]:
        bundle, position = self.scope.bundle, self.scope.position
        return {
            "bundle": bundle,
            "kind": bundle.get_kind_display(),
            "completeness": self.scope.completeness,
            "incomplete": self.incomplete,
            "parts": sorted(self.scope.parts.values(), key=lambda part: part.stream),
            "places": self.scope.places,
            "presence": self.scope.presence,
            "count": self.written.count,
            "erased": self.written.erased,
            "size": position.checkpoint.size,
            "sealed_at": formats.timestamp(position.heads.sealed_at),
            "key": str(keys.seal().verifier),
            **self.scope.period,
        }

    def _groups(self) -> list[dict[str, Any]]:
        """The files in the bundle that are worth a click, by folder."""
        groups = []
        for folder, title in FILES.items():
            paths = [path for path in self.files if path.startswith(f"{folder}/")]
            if paths:
                shown = paths[: 3 if folder in FOLDED else LISTED]
                links = [(path, self._name_of(path)) for path in shown]
                groups.append({"title": title, "links": links, "more": len(paths) - len(links)})
        return groups

    def _name_of(self, path: str) -> str:
        """The title that people gave it, or the path as far as it tells files apart."""
        folder, *rest = path.split("/")
        title = self.written.titles.get(rest[0].partition(".")[0]) if len(rest) == 1 else None
        if title:
            return title
        is_one = len({other.split("/")[1] for other in self.files if other.startswith(f"{folder}/")}) == 1
        return "/".join(rest[1:] if len(rest) > 1 and is_one else rest)

    def _pdf(self, context: dict[str, Any]) -> bytes:
        """Set by typst with its own fonts; the same data give the same bytes."""
        data = {
            "subject": self.scope.bundle.subject,
            "kind": context["kind"],
            "completeness": self.scope.completeness.label,
            "incomplete": self.incomplete,
            "facts": _facts(context),
            "count": self.written.count,
            "rows": [_cells(shown) for shown in self.written.shown[:ROWS_IN_PDF]],
        }
        pdf = typst.compile(
            TEMPLATE.read_bytes(),
            format="pdf",
            sys_inputs={"data": orjson.dumps(data).decode()},
            ignore_system_fonts=True,
            timestamp=0,
        )
        if not isinstance(pdf, bytes):
            raise TypeError("typst made several files of one.")
        return pdf


def _facts(context: dict[str, Any]) -> list[list[str]]:
    begins = f"sealed from {context['since']}" if context["since"] else "from the beginning"
    ends = f"before {context['until']}" if context["until"] else f"to {context['sealed_at']}"
    parts = [
        [part.stream, f"numbers {part.first:,} to {part.last:,} of {part.end:,}"]
        for part in context["parts"][:STREAMS_IN_PDF]
    ]
    facts = [
        ["Period", f"{begins}, {ends}"],
        ["Events", f"{context['count']:,}"],
        *parts,
        ["Ledger", f"{context['size']:,} entries, sealed {context['sealed_at']}"],
        ["Ledger's key", context["key"]],
    ]
    if context["erased"]:
        facts.insert(2, ["Erased", f"parts of {context['erased']:,} events; the ledger says why"])
    return facts


def _row(shown: Shown) -> dict[str, Any]:
    return {
        "number": shown.number,
        "header": shown.header,
        "actor_name": shown.actor_name,
        "is_erased": shown.is_erased,
        "details": [(name, _readable(value)) for name, value in shown.payload.items()],
    }


def _cells(shown: Shown) -> list[str]:
    header = shown.header
    texts = (
        str(shown.number), header["time"][:19].replace("T", " "), shown.actor_name or header["actor"],
        header["action"], header["object"], header["outcome"],
    )  # fmt: skip
    return [text[:LONGEST_TEXT] for text in texts]


def _readable(value: object) -> str:
    if isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
