"""The graph of dependencies: drawn, told in words, usable without it."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal
from tests.browser.usable import NARROW, WIDE, problems

pytestmark = pytest.mark.browser
MAP = "/admin/dependency-map/?agent=vulnerability-analyst&steps=3"
# The canvases as pictures: one that is empty is far shorter.
PICTURES = """() => [...document.querySelectorAll('.cs-graph-canvas canvas')]
    .map((canvas) => canvas.toDataURL()).join(' ')"""
BLANK = """() => [...document.querySelectorAll('.cs-graph-canvas canvas')].map((canvas) => {
    const blank = document.createElement('canvas');
    [blank.width, blank.height] = [canvas.width, canvas.height];
    return blank.toDataURL();
}).join(' ')"""


def drawn(page: Page) -> str:
    """The picture, once there is one."""
    expect(page.locator(".cs-graph-canvas[data-drawn]")).to_be_visible()
    page.wait_for_function(f"({PICTURES})() !== ({BLANK})()")
    picture: str = page.evaluate(PICTURES)
    return picture


@pytest.mark.parametrize(
    ("dark", "width"), [(True, WIDE), (False, NARROW)], ids=["dark-wide", "light-narrow"]
)
def test_the_graph_is_drawn_and_the_table_says_the_same(portal: Portal, dark: bool, width: int) -> None:  # noqa: FBT001
    page = portal.sign_in("olivia", dark=dark, width=width)
    page.goto(MAP)
    drawn(page)
    graph = page.get_by_role("img", name="1 agent, 2 tools, 1 third party; 2 calls, 1 provided by.")
    expect(graph).to_be_visible()
    expect(graph).to_have_attribute("data-drawn", "4")
    rows = page.locator("#table tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("Looks each vulnerability up.")
    assert problems(page) == []


def test_the_graph_is_drawn_nearer_without_a_mouse(portal: Portal) -> None:
    page = portal.sign_in("olivia")
    page.goto(MAP)
    before = drawn(page)
    nearer = page.get_by_role("button", name="Nearer")
    nearer.focus()
    for _press in range(3):
        page.keyboard.press("Enter")
    page.wait_for_function(f"(before) => ({PICTURES})() !== before", arg=before)


def test_without_scripts_the_table_remains(portal: Portal) -> None:
    portal.sign_in("olivia")
    context = portal.browser.new_context(
        base_url=portal.address, java_script_enabled=False, storage_state=portal.signed_in["olivia"]
    )
    portal.contexts.append(context)
    page = context.new_page()
    page.goto(MAP)
    assert page.locator("#table tbody tr").count() == 3
    assert not page.locator("#dependency-graph").is_visible()


def test_lists_are_narrowed_by_a_name_that_is_typed(portal: Portal) -> None:
    page = portal.sign_in("olivia")
    page.goto("/admin/agents/dependency/")
    page.locator("a", has_text="Filters").first.click()
    name = page.get_by_role("searchbox", name="Name of the agent")
    name.fill("nobody is called so")
    name.press("Enter")
    page.wait_for_url("**agent__named=nobody**")
    expect(page.get_by_text("Nothing fits this search")).to_be_visible()
    page.locator("a", has_text="Filters").first.click()
    page.get_by_role("link", name="show all again").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
