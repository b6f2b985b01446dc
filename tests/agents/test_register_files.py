"""The register as files: what goes out comes in again, and everything that is wrong is said at once."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents import register_files, strict_yaml
from agents.choices import Environment
from agents.models import Agent, AgentVersion, Person
from agents.register_files import COLUMNS, LISTS
from agents.services import importing, register
from audits.choices import Action
from audits.errors import Conflict, Denied, Invalid
from audits.models import Event

pytestmark = pytest.mark.django_db

# Everything that a text of the register can hold, and often what spreadsheets run and readers stumble over.
NASTY = st.sampled_from(
    ["=1+1", "+cmd", "-2", "@SUM(A1)", "'=x", "''-", ";", "\\;", "a;b\\", "true", "null", "1e3"]
)
PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
TEXT = st.one_of(NASTY, PLAIN, st.tuples(NASTY, PLAIN).map("".join))
WORDS = TEXT.filter(lambda text: bool(text.strip()))


def records() -> st.SearchStrategy[dict[str, object]]:
    values: dict[str, st.SearchStrategy[object]] = dict.fromkeys(COLUMNS, TEXT) | {
        name: st.lists(WORDS.map(str.strip), max_size=3) for name in LISTS
    }
    return st.fixed_dictionaries(values | {"slug": st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)})


@given(st.lists(records(), max_size=4, unique_by=lambda record: record["slug"]))
def test_whatever_an_entry_says_is_read_back_from_both_forms(found: list[dict[str, object]]) -> None:
    for form, text in (("csv", register_files.write_csv(found)), ("yaml", register_files.write_yaml(found))):
        file = register_files.read(text.encode(), form, max_rows=10)
        assert file.problems == []
        assert [row.values for row in file.rows] == found


@given(TEXT)
def test_no_cell_is_run_by_a_spreadsheet(text: str) -> None:
    written = register_files.write_csv([dict.fromkeys(COLUMNS, text) | {"slug": "a"}])
    assert not written.splitlines()[1].removeprefix("a,").startswith(("=", "+", "-", "@"))


@contextmanager
def taken_back() -> Iterator[None]:
    """Leave the register as it was."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@given(st.tuples(WORDS, WORDS), st.lists(WORDS, max_size=3), st.sampled_from(Environment))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_export_imported_into_an_empty_register_is_the_same_export(
    olivia: Person, texts: tuple[str, str], words: list[str], environment: str
) -> None:
    with taken_back():
        made = register.register_agent(
            actor=olivia, slug="one", name=texts[0], purpose=texts[1], business_unit="Sales", owner=olivia,
            environment=environment, data_categories=words, jurisdictions=["de", "US"], frameworks=["gdpr"],
            runbook=texts[1],
        )  # fmt: skip
        assert made.frameworks == ["GDPR"]
        exports = {form: importing.export(format=form).encode() for form in register_files.FORMATS}
        for form, content in exports.items():
            assert imported(olivia, content, form).count("unchanged") == 1
    for form, content in exports.items():
        with taken_back():
            assert imported(olivia, content, form).count("register") == 1
            assert importing.export(format=form).encode() == content


def csv_of(*rows: str, header: str = "slug,name,purpose,business_unit") -> bytes:
    return "\n".join([header, *rows]).encode()


def imported(actor: Person, content: bytes, form: str = "csv", expected: str = "") -> importing.Plan:
    return importing.perform(actor=actor, content=content, format=form, file_name="x", expected=expected)


def test_versions_travel_in_yaml(olivia: Person, analyst_version: AgentVersion) -> None:
    text = importing.export(format="yaml")
    assert analyst_version.digest in text
    moved = text.replace("slug: vulnerability-analyst", "slug: another")
    done = imported(olivia, moved.encode(), "yaml")
    assert done.count("register") == 1
    version = Agent.objects.get(slug="another").versions.get()
    assert (version.digest, version.added_by) == (analyst_version.digest, olivia)
    assert imported(olivia, moved.encode(), "yaml").count("unchanged") == 1


def test_a_version_never_changes_by_an_import(olivia: Person, analyst_version: AgentVersion) -> None:
    text = importing.export(format="yaml").replace(analyst_version.prompt_digest, "f" * 64)
    without = "\n".join(line for line in text.splitlines() if analyst_version.digest not in line)
    for changed, words in ((text, "not the digest"), (without, "it never changes")):
        with pytest.raises(Invalid, match=words):
            imported(olivia, changed.encode(), "yaml")


def test_a_new_entry_and_an_amended_one(olivia: Person, analyst: Agent) -> None:
    content = csv_of("vulnerability-analyst,Analyst,It reads.,Sales", "helper,Helper,It helps.,Sales")
    plan = importing.plan(actor=olivia, content=content, format="csv")
    assert not Agent.objects.filter(slug="helper").exists()
    assert [(change.line, change.verb) for change in plan.changes] == [(2, "amend"), (3, "register")]
    assert [one.field for one in plan.changes[0].differences] == ["name", "purpose", "business_unit"]
    done = imported(olivia, content, expected=plan.digest)
    assert done == plan
    assert Agent.objects.get(slug="helper").owner == olivia
    analyst.refresh_from_db()
    assert (analyst.name, list(analyst.deputies.values_list("username", flat=True))) == (
        "Analyst",
        ["daniel"],
    )
    told = Event.objects.filter(actor=olivia.actor.ref).order_by("id").values_list("action", flat=True)
    assert list(told)[-3:] == [Action.AGENT_AMENDED, Action.AGENT_REGISTERED, Action.REGISTER_IMPORTED]


def test_looking_at_a_file_makes_no_keys(
    olivia: Person, analyst_version: AgentVersion, settings: LazySettings, tmp_path: Path
) -> None:
    """A dry run that registered and took it back would leave the key of a stream behind."""
    text = importing.export(format="yaml").replace("slug: vulnerability-analyst", "slug: another")
    settings.SUBJECT_KEYS_DIR = tmp_path
    plan = importing.plan(actor=olivia, content=text.encode(), format="yaml")
    assert not list(tmp_path.iterdir())
    assert imported(olivia, text.encode(), "yaml", plan.digest) == plan


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_done(olivia: Person, analyst: Agent) -> None:
    content = csv_of(
        "fine,Fine,It helps.,Sales,,,DE",
        "bad slug,Name,Purpose,Sales,nobody,,DE",
        "third,,Purpose,Sales,,,XX;ZZ",
        "fine,Again,Purpose,Sales,,,",
        "short,Short",
        "vulnerability-analyst,Analyst,It reads.,Sales,aude,,DE",
        header="slug,name,purpose,business_unit,owner,sponsor,jurisdictions",
    )
    before = Event.objects.count()
    plan = importing.plan(actor=olivia, content=content, format="csv")
    assert {(one.line, one.field) for one in plan.problems} == {
        (3, "owner"), (4, "name"), (4, "jurisdictions"), (5, "slug"), (6, ""), (7, "owner"),
    }  # fmt: skip
    with pytest.raises(Invalid, match="line 4, jurisdictions: XX, ZZ"):
        imported(olivia, content)
    assert (Agent.objects.count(), Event.objects.count()) == (1, before)


def test_what_is_imported_is_what_was_shown(olivia: Person, analyst: Agent) -> None:
    content = csv_of("vulnerability-analyst,Analyst,It reads.,Sales")
    plan = importing.plan(actor=olivia, content=content, format="csv")
    register.amend(actor=olivia, agent=analyst, changes={"purpose": "It does something else."})
    with pytest.raises(Conflict, match="look again"):
        imported(olivia, content, expected=plan.digest)
    analyst.refresh_from_db()
    assert analyst.purpose == "It does something else."


def test_nobody_imports_for_others(olivia: Person, oscar: Person, aude: Person, analyst: Agent) -> None:
    content = csv_of("vulnerability-analyst,Analyst,It reads.,Sales")
    for person in (oscar, aude):
        with pytest.raises(Denied):
            imported(person, content)
    stranger = Person.objects.create_user("stranger", is_staff=True)
    stranger.groups.set(olivia.groups.all())
    with pytest.raises(Denied, match="line 2"):
        imported(stranger, content)
    denied = Event.objects.filter(action=Action.REGISTER_IMPORTED, outcome="denied")
    assert denied.count() == 3
    assert not Event.objects.filter(action=Action.AGENT_AMENDED).exists()


def test_another_owner_comes_by_a_handover(olivia: Person, daniel: Person, analyst: Agent) -> None:
    content = csv_of("vulnerability-analyst,daniel", header="slug,owner")
    with pytest.raises(Invalid, match="handover"):
        imported(olivia, content)


@pytest.mark.parametrize(
    ("form", "text", "line", "words"),
    [
        ("csv", "", 1, "is missing"),
        ("csv", "name\nx", 1, "is missing"),
        ("csv", "slug,slug\na,b", 1, "twice"),
        ("csv", "slug,colour\na,b", 1, "not a column"),
        ("csv", 'slug,name\n\na,"b\nc', 3, "not CSV"),
        ("csv", "slug,name\n,b", 2, "must not be empty"),
        ("csv", "slug,name\na,b\0", 2, "U+0000"),
        ("csv", "slug\na\nb\nc\nd", 5, "one more"),
        ("yaml", "agents: []", 1, "must begin with"),
        ("yaml", "- a", 1, "must begin with"),
        ("yaml", "countersign_register: 1\nagents:\n- slug: a\n  name: 7\n", 4, "in quotes"),
        ("yaml", "countersign_register: 1\nagents:\n- slug: a\n  slug: b\n", 4, "twice"),
        ("yaml", "countersign_register: 1\nagents:\n- &a {slug: a}\n- *a\n", 3, "anchors"),
        ("yaml", "countersign_register: 1\nagents:\n- slug: a\n  deputies: b\n", 4, "list of texts"),
        ("yaml", "countersign_register: 1\nagents:\n- name: a\n", 3, "must be there"),
        ("yaml", "countersign_register: 1\nagents:\n- slug: a\n  colour: b\n", 4, "not a field"),
        ("yaml", "countersign_register: 1\nagents:\n- slug: a\n  versions:\n  - label: 1\n", 5, "label"),
        ("yaml", "countersign_register: 1\nagents:\n- slug: !!python/name:os.system a\n", 3, "not read"),
        ("yaml", "countersign_register: 1\nagents: [", 2, "expected"),
        ("yaml", "[" * 5000, 0, "nested"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(form: str, text: str, line: int, words: str) -> None:
    file = register_files.read(text.encode(), form, max_rows=3)
    assert [(one.line, words in str(one)) for one in file.problems] == [(line, True)], file.problems


def test_a_billion_laughs_are_refused() -> None:
    lines = [
        "a: &a [x, x]",
        *(f"{b}: &{b} [*{a}, *{a}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    ]
    with pytest.raises(strict_yaml.StrictYAMLError, match="anchors"):
        strict_yaml.loads("\n".join(lines))


def test_another_encoding_is_named() -> None:
    file = register_files.read("slug\nä".encode("latin-1"), "csv", max_rows=3)
    assert [(one.line, "UTF-8" in one.sentence) for one in file.problems] == [(2, True)]


def test_a_file_that_is_too_large_is_refused(olivia: Person) -> None:
    with override_settings(REGISTER_IMPORT_MAX_BYTES=1024), pytest.raises(Invalid, match="larger"):
        imported(olivia, b"x" * 1025)


# --- The command -----------------------------------------------------------------------------------------
def command(*arguments: str) -> tuple[str, str, int]:
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("register", *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        code = int(str(ended.code))
    except CommandError as error:
        err.write(str(error))
        code = error.returncode
    return out.getvalue(), err.getvalue(), code


def test_the_command_exports_and_imports(olivia: Person, analyst: Agent, tmp_path: Path) -> None:
    text, _, code = command("export", "--format", "csv", "--agent", analyst.slug)
    assert code == 0
    path = tmp_path / "register.csv"
    path.write_text(text.replace(analyst.purpose, "It reads."), encoding="utf-8", newline="")
    shown, _, code = command("import", str(path), "--as", "olivia", "--dry-run")
    assert (code, "purpose: " in shown, "Nothing was changed" in shown) == (0, True, True)
    assert command("import", str(path), "--as", "olivia")[2] == 0
    analyst.refresh_from_db()
    assert analyst.purpose == "It reads."


@pytest.mark.parametrize("extra", [(), ("--dry-run",)])
def test_the_command_says_every_line_that_is_wrong(
    olivia: Person, tmp_path: Path, extra: tuple[str, ...]
) -> None:
    path = tmp_path / "register.csv"
    path.write_bytes(csv_of("a,,,", "b,B,Helps.,"))
    _, told, code = command("import", str(path), "--as", "olivia", *extra)
    assert code == 2
    assert {"line 2, name: must not be empty", "line 3, business_unit: must not be empty"} <= set(
        told.splitlines()
    )
    assert not Agent.objects.exists()


def test_the_command_names_what_it_does_not_know(olivia: Person, tmp_path: Path) -> None:
    path = tmp_path / "register.txt"
    path.write_bytes(b"slug")
    assert "--format" in command("import", str(path), "--as", "olivia")[1]
    assert "Nobody signs in" in command("import", str(path), "--as", "nobody")[1]
    assert "Cannot read" in command("import", str(tmp_path / "none.csv"), "--as", "olivia")[1]
    assert "No agent" in command("export", "--format", "csv", "--agent", "nobody")[1]
