"""What is vendored is exactly what was looked at, and its licence lies beside it."""

import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "portal" / "assets" / "vendor"
# @alpinejs/csp 3.17.4, dist/cdn.min.js, MIT: Alpine.js without eval, for a strict Content-Security-Policy.
# cytoscape 3.34.4, dist/cytoscape.min.js, MIT: draws graphs; on the page of the dependency map alone.
HASHES = {
    "cytoscape-3.34.4.min.js": "081591ab735b2b6a3b31a3c60f8f3a3e2fee8c92939e0c7820ad1208571b6cd8",
    "alpinejs-csp-3.17.4.min.js": "0d18d7f8d7910e2e0212f0f056b12f50bebc3abb7d88d2f7c7cb4c336fe4519a",
}


def test_every_vendored_file_is_the_one_that_was_looked_at() -> None:
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.glob("*.js")}
    assert found == HASHES


def test_the_licence_lies_beside_it() -> None:
    licence = (VENDOR / "alpinejs-csp-LICENSE.md").read_text(encoding="utf-8")
    assert "MIT License" in licence
    assert "Caleb Porzio" in licence


def test_the_pages_load_this_version_and_no_other_alpine() -> None:
    skeleton = (ROOT / "templates" / "unfold" / "layouts" / "skeleton.html").read_text(encoding="utf-8")
    assert "vendor/alpinejs-csp-3.17.4.min.js" in skeleton
    assert "unfold/js/alpine/alpine.js" not in skeleton


def test_no_template_has_code_in_it() -> None:
    """Neither inline scripts nor handlers: the Content-Security-Policy would refuse them anyway."""
    for page in (ROOT / "templates").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"\son[a-z]+=", text), page
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), page
        assert "javascript:" not in text, page
