"""What the repository promises about itself."""

import ast
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = [ROOT / "requirements" / name for name in ("base.txt", "dev.txt")]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_dependency_is_locked_with_hashes(lock: Path) -> None:
    logical = lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    pins = [line for line in logical if line.strip() and not line.lstrip().startswith("#")]
    assert pins
    assert [pin for pin in pins if not re.match(r"[a-z0-9._-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", pin)] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_no_lock_names_where_packages_come_from(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text


def test_what_runs_is_in_both_locks() -> None:
    def pins(path: Path) -> set[str]:
        return set(re.findall(r"^([a-z0-9._-]+==[^\s;]+)", path.read_text(encoding="utf-8"), re.MULTILINE))

    assert pins(LOCKS[0]) <= pins(LOCKS[1])


def test_links_in_the_docs_lead_somewhere() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    links = [
        (ROOT / name, target)
        for name in listed
        for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text(encoding="utf-8"))
    ]
    assert links
    assert [f"{page.name}: {target}" for page, target in links if not (page.parent / target).exists()] == []


def test_what_runs_imports_only_what_the_base_lock_installs() -> None:
    """A newcomer's `make demo` has the base lock alone; a developer's machine would not notice."""
    pins = set(re.findall(r"^([a-z0-9._-]+)==", LOCKS[0].read_text(encoding="utf-8"), re.MULTILINE))
    ours = {"portal", "governance", "agents", "audits"}
    sources = [ROOT / "manage.py", *(path for room in ours for path in (ROOT / room).rglob("*.py"))]
    imported = {name for path in sources for name in imports(path)} - ours - sys.stdlib_module_names
    distributions = metadata.packages_distributions()
    assert imported
    assert {
        name
        for name in imported
        if not {canonical(distribution) for distribution in distributions.get(name, ())} & pins
    } == set()


def imports(path: Path) -> set[str]:
    """The top-level packages that a source file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_every_setting_is_in_the_docs() -> None:
    source = (ROOT / "portal" / "settings.py").read_text(encoding="utf-8")
    names = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source))
    listed = set(re.findall(r"`([A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")))
    assert {"COUNTERSIGN_SECRET_KEY", "DATABASE_URL"} <= names
    assert names - listed == set()
