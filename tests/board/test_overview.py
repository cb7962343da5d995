"""What the board shows of a workspace, in a real browser on a real stack."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.board.browser import DESKTOP, PHONE, Window
from tests.board.conftest import Sql
from tests.conftest import Rpc

from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.keys import make_token

NewWindow = Callable[..., Window]


def section(page: Page, title: str) -> Locator:
    return page.locator("main section").filter(has=page.get_by_role("heading", name=title))


def group(page: Page, title: str) -> Locator:
    """A kind of thing that needs somebody."""
    return page.locator(".group").filter(has=page.get_by_role("heading", name=title))


def test_in_a_fresh_workspace_nothing_needs_anybody_and_the_parts_come_in_order(page: Page) -> None:
    titles = page.locator("main section h2")
    expect(titles).to_contain_text(["Needs you", "Subsystems", "Locks", "Activity", "Made from"])
    expect(section(page, "Needs you")).to_contain_text("Nothing. All goes well.")
    expect(section(page, "Locks")).to_contain_text("Nothing is locked.")


def test_what_needs_somebody_stands_first_by_kind(busy: SharedState, page: Page) -> None:
    conflicts = group(page, "Open conflicts").locator("li")
    expect(conflicts).to_have_count(2)  # one of them the database's own, about the budget
    expect(conflicts.nth(0)).to_contain_text("Motors need 200 W more")
    expect(conflicts.nth(0)).to_contain_text("blocks power_agent")
    expect(group(page, "Over budget")).to_contain_text("over by 4.4 kg")
    expect(group(page, "Stale inputs")).to_contain_text("skeleton interfaces 1 → 2")
    expect(group(page, "Leases about to end")).to_contain_text("actuation_agent has 9:")
    expect(group(page, "Silent holders")).to_contain_text("shell_agent has been silent for 10:")
    expect(group(page, "Hooks that failed")).to_contain_text(
        "PreToolUse: no answer within 2 s (3 times)"
    )
    expect(page).to_have_title(f"(7) {busy.workspace} · sharedstate board")


def test_a_failed_hook_that_was_seen_is_gone_and_stays_away(busy: SharedState, page: Page) -> None:
    group(page, "Hooks that failed").get_by_role("button", name="Seen").click()
    expect(group(page, "Hooks that failed")).to_have_count(0)
    page.reload()
    expect(group(page, "Open conflicts")).to_be_visible()
    expect(group(page, "Hooks that failed")).to_have_count(0)
    busy.log_agent_activity(
        "shell_agent", "hook_failed", {"event": "SessionEnd", "reason": "another one"}
    )
    expect(group(page, "Hooks that failed").locator("li")).to_have_count(1)


def test_a_subsystem_has_its_figures_beside_its_budget(busy: SharedState, page: Page) -> None:
    row = page.locator(".subsystem-row").filter(has_text="actuation")
    expect(row.locator(".figure").first).to_contain_text("16.4 / 12")
    expect(row.get_by_role("img", name="over budget")).to_have_count(1)
    expect(row).to_contain_text("designing")
    expect(row).to_contain_text("stale")
    expect(row.locator(".holder")).to_contain_text("actuation_agent")
    skeleton = page.locator(".subsystem-row").filter(has_text="skeleton")
    width = skeleton.locator(".bar i").first.evaluate("bar => bar.style.width")
    assert float(width.removesuffix("%")) == pytest.approx(100 * 12.5 / 15, abs=0.1)
    expect(page.locator(".totals")).to_contain_text("28.9 / 45 kg")


def test_a_lock_has_its_holder_its_countdown_and_its_queue(
    busy: SharedState, page: Page, rpc: Rpc, sql: Sql
) -> None:
    for agent in ("power_agent", "sensing_agent"):
        status, _ = rpc(
            "acquire_lock",
            resource_type="subsystem",
            resource_name="actuation",
            agent_name=agent,
            execution_id=agent,
            wait_seconds=600,
            request_id=str(uuid4()),
        )
        assert status == 200
    statement = "update core.lock_tickets set alive_until = gives_up_at where workspace = %s"
    sql(statement, busy.workspace)
    lease = page.locator(".lease").filter(has_text="actuation_agent")
    expect(lease.locator(".queue li")).to_have_text(["power_agent", "sensing_agent"])
    expect(lease.get_by_role("timer")).to_contain_text("9:")
    expect(page.locator(".subsystem-row").filter(has_text="actuation_agent")).to_contain_text("+2")


def test_a_countdown_goes_by_the_databases_clock_and_not_by_the_browsers(
    busy: SharedState, window: Window, stack: StackInfo
) -> None:
    window.page.clock.install(time=datetime(2001, 1, 1, tzinfo=UTC))
    page = window.open(stack.agent_key, busy.workspace)
    timer = page.locator(".lease").filter(has_text="actuation_agent").get_by_role("timer")
    expect(timer).to_contain_text("9:")
    # It goes on when no board comes any more.
    page.route("**/rest/**", lambda route: route.abort())
    expect(timer).not_to_have_text(timer.inner_text())


def test_the_graph_shows_who_is_made_from_whom_and_marks_what_is_stale(
    busy: SharedState, page: Page
) -> None:
    graph = section(page, "Made from")
    expect(graph.locator("path.edge")).to_have_count(2)
    expect(graph.locator("path.edge.stale")).to_have_count(1)
    graph.get_by_text("As a list").click()
    stale = "actuation is made from skeleton: interfaces 1, and 2 is there"
    expect(graph.locator("li.stale")).to_have_text([stale])
    graph.locator("a.node").filter(has_text="power").click()
    expect(page.get_by_role("heading", name="power", exact=True)).to_be_visible()


def test_the_key_leaves_the_address_at_once_and_is_still_there_after_a_reload(
    window: Window, stack: StackInfo, workspace: str
) -> None:
    page = window.open(stack.agent_key, workspace)
    expect(page.locator(".subsystem-row").first).to_be_visible()
    assert page.url == f"{stack.url}/board/#workspace={workspace}"
    page.reload()
    expect(page.locator(".subsystem-row").first).to_be_visible()
    assert page.evaluate("history.length") == 2  # the empty tab and this page


def test_without_a_key_the_page_says_how_to_get_one_and_takes_one(
    window: Window, stack: StackInfo, workspace: str
) -> None:
    page = window.open(None, workspace)
    expect(page.get_by_text("sharedstate board", exact=True).last).to_be_visible()
    page.get_by_label("Or a key").fill(stack.agent_key)
    page.get_by_role("button", name="Open").click()
    expect(page.locator(".subsystem-row").first).to_be_visible()


def test_a_key_that_has_expired_is_said_with_what_to_do(
    window: Window, stack: StackInfo, workspace: str
) -> None:
    page = window.open(make_token(stack.jwt_secret, "authenticated", ttl=-3600), workspace)
    expect(page.get_by_role("alert")).to_contain_text("Run `sharedstate board` again.")


def test_a_workspace_that_is_not_there_is_said_in_the_databases_words(
    window: Window, stack: StackInfo
) -> None:
    page = window.open(stack.agent_key, "nowhere")
    expect(page.get_by_role("alert")).to_contain_text("unknown_workspace")
    expect(page.get_by_role("alert")).to_contain_text("sharedstate init --workspace NAME")


def test_an_operator_chooses_among_all_workspaces(operators_page: Page, workspace: str) -> None:
    # A field to type in until the list of them is there.
    choice = operators_page.get_by_role("combobox", name="Workspace")
    expect(choice).to_have_value(workspace)
    choice.select_option("default")
    expect(operators_page).to_have_title("default · sharedstate board")
    assert operators_page.url.endswith("/board/#workspace=default")


def test_an_agent_names_another_workspace_and_a_token_for_one_has_no_other(
    new: NewWindow, stack: StackInfo, workspace: str
) -> None:
    page = new().open(stack.agent_key, workspace)
    page.get_by_label("Workspace").fill("default")
    page.get_by_role("button", name="Go").click()
    expect(page).to_have_title("default · sharedstate board")
    pinned = make_token(stack.jwt_secret, "authenticated", workspace=workspace)
    page = new().open(pinned, "default")
    expect(page).to_have_title(f"{workspace} · sharedstate board")
    expect(page.locator("header .workspace")).to_have_text(workspace)


def test_what_is_typed_before_the_first_board_is_there_stays(
    new: NewWindow, stack: StackInfo, workspace: str
) -> None:
    window = new()
    window.page.route("**/rpc/get_board*", lambda _: None)
    page = window.open(stack.agent_key, workspace)
    page.get_by_label("Workspace").fill("default")
    expect(page.get_by_text("Reading the board.")).to_be_visible()
    page.unroute("**/rpc/get_board*")
    expect(page.get_by_text("Reading the board.")).to_have_count(0)
    expect(page.get_by_label("Workspace")).to_have_value("default")


@pytest.mark.parametrize(("scheme", "size"), [("light", DESKTOP), ("dark", PHONE)])
def test_it_fits_into_the_window_by_day_and_by_night(
    busy: SharedState, new: NewWindow, stack: StackInfo, scheme: str, size: dict[str, int]
) -> None:
    window = new(color_scheme=scheme, viewport=size)
    page = window.open(stack.agent_key, busy.workspace)
    expect(page.locator("path.edge")).to_have_count(2)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= size["width"]
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(15, 19, 23)") == (scheme == "dark")
