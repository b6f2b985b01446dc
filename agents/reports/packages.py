"""Package URLs: what a report gives is kept; where it names an ecosystem and a package, one is made."""

from functools import lru_cache

from packageurl import PackageURL

# What scanners call ecosystems, and the type of a package URL.
TYPES = {
    "npm": "npm",
    "yarn": "npm",
    "pnpm": "npm",
    "pip": "pypi",
    "pipenv": "pypi",
    "poetry": "pypi",
    "pypi": "pypi",
    "python": "pypi",
    "pythonpkg": "pypi",
    "maven": "maven",
    "gradle": "maven",
    "jar": "maven",
    "nuget": "nuget",
    "nodepkg": "npm",
    "rubygems": "gem",
    "rubygem": "gem",
    "bundler": "gem",
    "gem": "gem",
    "go": "golang",
    "golang": "golang",
    "gomodules": "golang",
    "gobinary": "golang",
    "crates.io": "cargo",
    "cargo": "cargo",
    "rust": "cargo",
    "packagist": "composer",
    "composer": "composer",
    "hex": "hex",
    "pub": "pub",
    "swift": "swift",
    "cocoapods": "cocoapods",
    "actions": "github",
}


@lru_cache(maxsize=65536)
def package_url(ecosystem: str, name: str, version: str) -> str:
    """A package URL; empty where the ecosystem has no type of its own or the name is empty."""
    kind = TYPES.get(ecosystem.partition(":")[0].strip().lower())
    if not kind or not name.strip():
        return ""
    separator = ":" if kind == "maven" else "/"
    namespace, _, own = name.strip().rpartition(separator)
    try:
        return PackageURL(
            type=kind, namespace=namespace or None, name=own, version=version or None
        ).to_string()
    except ValueError:
        return ""


@lru_cache(maxsize=65536)
def name_and_version(purl: str) -> tuple[str, str]:
    """What a package URL names: `group:artifact` or `scope/name`, and the version; empty where it is none."""
    try:
        found = PackageURL.from_string(purl)
    except ValueError:
        return "", ""
    separator = ":" if found.type == "maven" else "/"
    name = f"{found.namespace}{separator}{found.name}" if found.namespace else found.name
    return name, found.version or ""
