"""For people who see little or use no mouse: axe finds no violation, and the keyboard is enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.board.browser import DESKTOP, PHONE, Window
from tests.tools import node_modules

from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo


def violations(page: Page) -> list[str]:
    """What axe finds, by all its rules, the advice among them."""
    # As the browser's own tools run scripts, whom the page's policy does not bind.
    page.evaluate((node_modules() / "axe-core" / "axe.min.js").read_text())
    found: list[dict[str, Any]] = page.evaluate("axe.run().then(result => result.violations)")
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize(("scheme", "size"), [("light", DESKTOP), ("dark", PHONE)])
def test_axe_finds_nothing_on_any_page(
    busy: SharedState,
    new: Callable[..., Window],
    stack: StackInfo,
    scheme: str,
    size: dict[str, int],
) -> None:
    window = new(color_scheme=scheme, viewport=size)
    page = window.open(stack.service_key, busy.workspace)
    expect(page.locator("path.edge")).to_have_count(2)
    assert violations(page) == []
    page.locator(".entry summary").first.click()
    page.get_by_role("button", name="Resolve").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("link", name="skeleton").first.click()
    page.get_by_role("link", name="interfaces").click()
    expect(page.locator(".content pre")).to_be_visible()
    assert violations(page) == []


def test_axe_finds_nothing_while_there_is_no_key(window: Window, workspace: str) -> None:
    page = window.open(None, workspace)
    expect(page.get_by_role("button", name="Open")).to_be_visible()
    assert violations(page) == []


def test_a_conflict_is_resolved_by_the_keyboard_alone(busy: SharedState, page: Page) -> None:
    expect(page.locator(".group li").first).to_be_visible()

    def tab_to(text: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            focused = page.evaluate("document.activeElement.innerText ?? ''")
            if focused.startswith(text):
                return
        raise AssertionError(f"no way to {text!r} by the Tab key")

    tab_to("Resolve")
    page.keyboard.press("Enter")
    page.keyboard.type("A smaller motor")
    page.keyboard.press("Tab")
    page.keyboard.type("Kim")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("is resolved.")
    assert len(busy.get_active_conflicts()) == 1
