"""The activity feed: filters that can be bookmarked, holding it, and searching back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from tests.board.browser import Window

from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo


@pytest.fixture
def log(state: SharedState) -> SharedState:
    """260 entries of three agents; every tenth is of interest to the database alone."""
    state.log_agent_activities(
        [
            {
                "agent_name": f"{('skeleton', 'power', 'shell')[n % 3]}_agent",
                "activity": "status_updated" if n % 10 == 0 else "bone_designed",
                "details": {"n": n, "subsystem": "torso" if n < 5 else "arm"},
            }
            for n in range(260)
        ]
    )
    return state


def test_the_newest_come_first_without_the_unimportant(log: SharedState, page: Page) -> None:
    entries = page.locator(".entry")
    expect(entries.nth(0)).to_contain_text("n 259")
    expect(entries.nth(9)).to_contain_text("n 249")
    expect(entries.filter(has_text="status_updated")).to_have_count(0)
    page.get_by_label("Also the unimportant").check()
    expect(entries.nth(9)).to_contain_text("status_updated")


def test_filters_are_in_the_address_and_hold_for_what_comes_later(
    log: SharedState, page: Page, window: Window
) -> None:
    field = page.get_by_label("Agent")
    field.fill("power_agent")
    # A board that comes meanwhile does not put the old text back.
    before = window.boards
    window.await_boards(before + 2)
    expect(field).to_have_value("power_agent")
    field.press("Enter")
    entries = page.locator(".entry")
    expect(entries.first).to_contain_text("power_agent")
    expect(entries.filter(has_text="shell_agent")).to_have_count(0)
    assert "agent=power_agent" in page.url
    log.log_agent_activity("shell_agent", "late")
    log.log_agent_activity("power_agent", "late")
    expect(entries.first).to_contain_text("late")
    expect(entries.filter(has_text="shell_agent")).to_have_count(0)


def test_a_bookmark_has_the_filters(log: SharedState, window: Window, stack: StackInfo) -> None:
    filters = {"agent": "shell_agent", "activity": "bone_designed", "about": "torso"}
    page = window.open(stack.agent_key, log.workspace, **filters)
    expect(page.get_by_label("Agent")).to_have_value("shell_agent")
    # The only one of the first five.
    expect(page.locator(".entry")).to_have_count(1)
    expect(page.locator(".entry")).to_contain_text("n 2")


def test_a_held_feed_stays_as_it_is_and_counts_what_has_come(log: SharedState, page: Page) -> None:
    expect(page.locator(".entry").first).to_contain_text("n 259")
    page.get_by_role("button", name="Hold").click()
    log.log_agent_activity("shell_agent", "late")
    go_on = page.get_by_role("button", name="Go on (1 new)")
    expect(go_on).to_be_visible()
    expect(page.locator(".entry").first).to_contain_text("n 259")
    go_on.click()
    expect(page.locator(".entry").first).to_contain_text("late")


def test_searching_back_leads_page_by_page_to_the_beginning(log: SharedState, page: Page) -> None:
    expect(page.locator(".entry").first).to_contain_text("n 259")
    older = page.get_by_role("button", name="Older entries")
    feed = page.locator(".feed")
    while older.count():
        older.click()
        expect(feed.get_by_text("Searching.")).to_have_count(0)
    # 234 of these, and what made the workspace.
    expect(page.locator(".entry").filter(has_text="bone_designed")).to_have_count(234)
    expect(feed).to_contain_text("back to the beginning")


def test_an_entry_opens_and_stays_open_when_boards_come(log: SharedState, page: Page) -> None:
    entry = page.locator(".entry").filter(has_text="n 259")
    entry.locator("summary").click()
    expect(entry.locator("pre")).to_contain_text('"subsystem": "arm"')
    log.log_agent_activity("shell_agent", "late")
    expect(page.locator(".entry").first).to_contain_text("late")
    expect(entry.locator("pre")).to_be_visible()
