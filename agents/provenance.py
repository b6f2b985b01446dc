"""Where what runs comes from (S1-11): the content that an approval covers and a run is compared with."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import orjson

from agents import tool_manifest
from agents.models import AgentVersion
from audits import canonical

_FORMS = {
    "prompt_digest": (re.compile(r"[0-9a-f]{64}"), "must be a SHA-256: 64 hexadecimal digits"),
    "code_commit": (
        re.compile(r"|[0-9a-f]{40}|[0-9a-f]{64}"),
        "must be 40 or 64 hexadecimal digits, or nothing",
    ),
    "image_digest": (
        re.compile(r"|sha256:[0-9a-f]{64}"),
        "must be sha256: and 64 hexadecimal digits, or nothing",
    ),
}


@dataclass(frozen=True, slots=True)
class Provenance:
    """One build of an agent. Two builds with equal digests are the same build.

    `tool_manifest` lists the functions it may call, in the order of the catalogue; each entry has
    `name`, `access`, `resource` (a template), `description` and `parameters` (a JSON schema).
    """

    model_provider: str
    model_name: str
    model_version: str
    prompt_digest: str
    tool_manifest: Sequence[Mapping[str, Any]]
    code_commit: str
    data_snapshot: str
    image_digest: str

    @classmethod
    def of(cls, version: AgentVersion) -> "Provenance":
        """As a stored version says."""
        return cls(**{field.name: getattr(version, field.name) for field in fields(cls)})

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong in it, by field; a manifest's problems say which entry and which field of it."""
        found = {
            name: sentence
            for name, (form, sentence) in _FORMS.items()
            if not form.fullmatch(getattr(self, name))
        }
        if wrong := tool_manifest.problems(self.tool_manifest):
            found["tool_manifest"] = " ".join(map(str, wrong))
        return found

    @property
    def record(self) -> dict[str, Any]:
        """In the ledger's JSON profile. Parameters' schemas are their own sorted JSON text in it."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["tool_manifest"] = [
            {**entry, "parameters": orjson.dumps(entry["parameters"], option=orjson.OPT_SORT_KEYS).decode()}
            for entry in self.tool_manifest
        ]
        return values

    @property
    def digest(self) -> str:
        """SHA-256 of `record`, in hex."""
        return canonical.digest(self.record)

    def differences(self, other: "Provenance") -> list[str]:
        """The names of the fields that differ."""
        mine, theirs = self.record, other.record
        return [name for name in mine if mine[name] != theirs[name]]
