"""How often the board asks, what it says when it gets no answer, and what it draws anew."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect
from tests.board.browser import Window

from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo

HIDE = """hidden => {
    Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""

# As when somebody comes back to the page. Where the answer is slow, the next board takes its time.
ASK_NOW = "document.dispatchEvent(new Event('visibilitychange'))"


def shown(window: Window, stack: StackInfo, workspace: str, *, times: int) -> Page:
    """A page that has got so many boards, with a clock that the test may put forward."""
    window.page.clock.install()
    page = window.open(stack.agent_key, workspace)
    expect(page.locator(".subsystem-row")).to_have_count(7)
    window.await_boards(times)
    return page


def test_it_asks_again_and_again_but_not_while_it_is_hidden(
    window: Window, stack: StackInfo, workspace: str
) -> None:
    page = shown(window, stack, workspace, times=3)
    page.evaluate(HIDE, True)
    page.clock.fast_forward(60_000)
    page.evaluate("0")
    # One may have been under way.
    before = window.boards
    page.clock.fast_forward(3_600_000)
    page.evaluate("new Promise(done => requestAnimationFrame(done))")
    assert window.boards == before
    page.evaluate(HIDE, False)
    window.await_boards(before + 1)


def test_a_slow_answer_is_followed_by_a_pause_of_ten_times_its_time(page: Page) -> None:
    pauses = page.evaluate(
        """async () => {
            const { pause, pauseAfterFailure } = await import("/board/polling.js");
            return [pause(1000, 5), pause(1000, 300), [0, 3, 9].map(pauseAfterFailure)];
        }"""
    )
    assert pauses == [1000, 3000, [500, 4000, 15_000]]


def test_it_can_be_told_not_to_ask_by_itself(
    window: Window, stack: StackInfo, workspace: str
) -> None:
    page = shown(window, stack, workspace, times=1)
    page.get_by_label("Ask again").select_option("not by itself")
    expect(page.locator(".as-of")).to_contain_text("paused")
    before = window.boards
    page.clock.fast_forward(3_600_000)
    page.evaluate("new Promise(done => requestAnimationFrame(done))")
    assert window.boards == before


def test_cut_off_it_says_since_when_and_keeps_what_it_has_until_it_is_back(
    busy: SharedState, page: Page
) -> None:
    expect(page.locator(".subsystem-row")).to_have_count(7)
    page.route("**/rest/**", lambda route: route.abort())
    status = page.locator(".as-of")
    expect(status).to_have_text(re.compile(r"as of \d\d:\d\d:\d\d, reconnecting"))
    expect(page.locator("header").get_by_role("status")).to_contain_text("reconnecting")
    expect(page.locator(".subsystem-row")).to_have_count(7)
    expect(page.locator(".group li").first).to_be_visible()
    page.unroute("**/rest/**")
    busy.update_subsystem_status("shell", {"state": "designing"})
    expect(status).to_have_text(re.compile(r"as of \d\d:\d\d:\d\d$"))
    row = page.locator(".subsystem-row").filter(has_text="shell")
    expect(row).to_contain_text("designing")


def test_of_200_subsystems_only_the_row_that_changed_is_drawn_anew(
    many: SharedState, page: Page
) -> None:
    """So what somebody has selected or points at stays; and with 500 agents lists are bounded."""
    expect(page.locator(".subsystem-row")).to_have_count(200)
    page.evaluate(
        """() => {
            window.touched = new Set();
            const rowOf = node => (node.nodeType === 1 ? node : node.parentElement).closest("tr");
            new MutationObserver(records => {
                for (const { target } of records) touched.add(rowOf(target)?.textContent ?? "none");
            }).observe(document.querySelector(".subsystems tbody"), {
                subtree: true, childList: true, characterData: true, attributes: true,
            });
        }"""
    )
    many.update_subsystem_status("part-150", {"state": "complete"})
    page.evaluate(ASK_NOW)
    row = page.locator(".subsystem-row").filter(has_text="part-150")
    expect(row).to_contain_text("complete")
    touched = page.evaluate("[...touched]")
    assert len(touched) == 1 and "part-150" in touched[0]
    assert page.locator(".lease").count() == 25
    assert page.locator(".entry").count() <= 30
    assert page.locator(".kind-conflict li").count() == 5
    expect(page.locator(".kind-conflict .count")).to_have_text("230")


def test_lists_go_on_by_a_button(many: SharedState, page: Page) -> None:
    conflicts = page.locator(".kind-conflict")
    conflicts.get_by_role("button", name="Show more").click()
    expect(conflicts.locator("li")).to_have_count(25)
    expect(conflicts).to_contain_text("25 of 230 open conflicts.")
    many.update_subsystem_status("part-200", {"state": "designing"})
    page.evaluate(ASK_NOW)
    table = page.locator(".subsystems")
    expect(table).to_contain_text("200 of 201 subsystems.")
    table.get_by_role("button", name="Show more").click()
    expect(page.locator(".subsystem-row")).to_have_count(201)
    expect(table.get_by_role("button", name="Show more")).to_have_count(0)
    # Those that the board did not list at first come too.
    while conflicts.get_by_role("button", name="Show more").count():
        conflicts.get_by_role("button", name="Show more").click()
    expect(conflicts.locator("li")).to_have_count(230)


def test_after_a_long_absence_it_starts_with_the_newest_entries_and_does_not_catch_up(
    state: SharedState, window: Window, stack: StackInfo
) -> None:
    page = shown(window, stack, state.workspace, times=1)
    page.evaluate(HIDE, True)
    entries = [
        {"agent_name": "writer", "activity": "noted", "details": {"n": n}} for n in range(900)
    ]
    state.log_agent_activities(entries)
    page.evaluate(HIDE, False)
    before = window.boards
    expect(page.locator(".entry").first).to_contain_text("n 899")
    # Two boards, or one more whose time has come: not one for each 200 entries.
    assert window.boards - before <= 3


NewWindow = Callable[..., Window]


def test_on_a_phone_200_subsystems_fit(many: SharedState, new: NewWindow, stack: StackInfo) -> None:
    phone = new(viewport={"width": 360, "height": 780}, has_touch=True, is_mobile=True)
    page = phone.open(stack.agent_key, many.workspace)
    expect(page.locator(".subsystem-row")).to_have_count(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
