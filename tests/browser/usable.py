"""What keeps somebody from using a page."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

NARROW, WIDE = 390, 1440
AXE = Axe()
GRAVE = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
LOUD_ICONS = ".material-symbols-outlined:not([aria-hidden=true], [aria-hidden=true] *)"
HEADINGS = """() => {
    const shown = [...document.querySelectorAll('h1, h2, h3, h4')].filter(each => each.checkVisibility());
    const levels = shown.map(each => +each.tagName[1]);
    const skips = (level, place) => level > (levels[place - 1] ?? 0) + 1 || (level === 1) !== (place === 0);
    return levels.filter(skips);
}"""
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def problems(page: Page) -> list[str]:
    """What keeps somebody from using this page: axe's grave findings, and what `oddities` finds."""
    found: list[dict[str, Any]] = AXE.run(page, options=GRAVE).response["violations"]
    grave = [
        f"{page.url} {violation['id']}: {violation['nodes'][0]['html'][:200]}"
        for violation in found
        if violation["impact"] in {"serious", "critical"}
    ]
    return grave + oddities(page)


def oddities(page: Page) -> list[str]:
    """Icons read aloud, lost headings, pages wider than the window: quick to find."""
    return [
        *(f"{page.url} reads aloud: {word}" for word in page.locator(LOUD_ICONS).all_inner_texts()),
        *(f"{page.url} skips to heading {level}" for level in page.evaluate(HEADINGS)),
        *([f"{page.url} is too wide"] if page.evaluate(TOO_WIDE) > 0 else []),
    ]


def first_row(page: Page, name: str) -> Page:
    first = page.locator("#result_list tbody tr a").first
    assert first.count(), f"{name} is empty: the story has told nothing of it"
    address = first.get_attribute("href")
    assert address
    response = page.goto(address)
    assert response
    assert response.status == 200
    return page
