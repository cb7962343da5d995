"""The page of one subsystem: its documents, version by version; and texts that mean harm."""

from __future__ import annotations

from playwright.sync_api import Page, expect
from tests.board.browser import Window

from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo

SCRIPT = '<script>document.title="hit"</script><img src=x onerror=\'document.title="hit"\'>'
RIGHT_TO_LEFT = "\u202eתכנון ראשי\u202c"
LONG = "x" * 10_000


def designs(state: SharedState) -> None:
    for document in (
        {"bones": 6, "material": "aluminium", "knee": {"angle": 90}},
        {"bones": 8, "material": "aluminium", "hip": [1, 2]},
        {"bones": 8, "material": "carbon", "hip": [1, 2]},
    ):
        state.update_subsystem_design("skeleton", document, "skeleton_agent")


def differences(page: Page) -> dict[str, list[str]]:
    rows = page.locator(".difference tbody tr")
    texts = [[cell.inner_text() for cell in row.locator("th, td").all()] for row in rows.all()]
    return {where.split()[0]: values for where, *values in texts}


def test_the_latest_version_is_compared_with_the_one_before(state: SharedState, page: Page) -> None:
    designs(state)
    page.get_by_role("link", name="skeleton").first.click()
    expect(page.locator(".versions tbody tr")).to_have_count(3)
    expect(page.get_by_role("heading", name="From version 2 to 3")).to_be_visible()
    expect(page.locator(".difference tbody tr")).to_have_count(1)
    assert differences(page) == {"/material": ['"aluminium"', '"carbon"']}
    expect(page.locator(".content pre")).to_contain_text('"material": "carbon"')


def test_any_two_versions_are_compared_by_json_pointers_and_the_choice_is_a_bookmark(
    state: SharedState, window: Window, stack: StackInfo
) -> None:
    designs(state)
    page = window.open(stack.agent_key, state.workspace, subsystem="skeleton")
    page.get_by_label("from version 1").check()
    page.get_by_label("to version 2").check()
    expect(page.get_by_role("heading", name="From version 1 to 2")).to_be_visible()
    expect(page.locator(".difference tbody tr")).to_have_count(3)
    expected = {"/bones": ["6", "8"], "/knee": ['{"angle":90}', ""], "/hip": ["", "[1,2]"]}
    assert differences(page) == expected
    page.reload()
    expect(page.get_by_role("heading", name="From version 1 to 2")).to_be_visible()
    page.get_by_role("link", name="interfaces").click()
    expect(page.get_by_text("There is no version of this document yet.")).to_be_visible()
    page.get_by_role("link", name="← Board").click()
    expect(page.locator(".needs")).to_be_visible()
    assert page.url.endswith(f"#workspace={state.workspace}")


def test_a_new_version_appears_by_itself(state: SharedState, page: Page) -> None:
    designs(state)
    page.get_by_role("link", name="skeleton").first.click()
    expect(page.locator(".versions tbody tr")).to_have_count(3)
    state.update_subsystem_design("skeleton", {"bones": 9}, "skeleton_agent")
    expect(page.locator(".versions tbody tr")).to_have_count(4)
    expect(page.get_by_role("heading", name="From version 3 to 4")).to_be_visible()


def test_a_stale_input_leads_to_what_has_changed_in_it(busy: SharedState, page: Page) -> None:
    page.locator(".subsystem-row").get_by_role("link", name="actuation").click()
    stale = page.locator("dd").filter(has_text="made from version 1")
    expect(stale).to_contain_text("skeleton interfaces")
    stale.get_by_role("link", name="version 2").click()
    expect(page.get_by_role("heading", name="skeleton", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="From version 1 to 2")).to_be_visible()
    expect(page.locator(".difference tbody tr")).to_have_count(1)
    assert differences(page) == {"/mounts": ["4", "5"]}


def test_an_operator_sees_the_documents_of_this_workspace_alone(
    state: SharedState, window: Window, stack: StackInfo
) -> None:
    """Row level security lets an operator read those of every workspace."""
    designs(state)
    page = window.open(stack.service_key, "default", subsystem="skeleton")
    expect(page.get_by_text("There is no version of this document yet.")).to_be_visible()
    page = window.open(stack.service_key, state.workspace, subsystem="skeleton")
    expect(page.locator(".versions tbody tr")).to_have_count(3)


def test_names_and_documents_that_mean_harm_are_text(
    state: SharedState, window: Window, stack: StackInfo
) -> None:
    for name in (SCRIPT, RIGHT_TO_LEFT):
        state.update_subsystem_status(name, {"state": "designing", "current_mass_kg": 1})
    state.log_conflict(
        "critical", SCRIPT, RIGHT_TO_LEFT, (SCRIPT + LONG)[:10_000], blocks=[RIGHT_TO_LEFT]
    )
    assert state.acquire_lock("subsystem", SCRIPT, RIGHT_TO_LEFT)
    state.update_subsystem_design(SCRIPT, {SCRIPT: LONG, "a": SCRIPT}, SCRIPT)
    state.record_dependency("shell", SCRIPT, "design", RIGHT_TO_LEFT)
    state.log_agent_activity(SCRIPT, "noted", {SCRIPT: SCRIPT, "description": LONG})
    page = window.open(stack.agent_key, state.workspace)
    row = page.locator(".subsystem-row").filter(has_text=SCRIPT)
    expect(row).to_have_count(1)
    expect(page.locator(".lease")).to_contain_text(RIGHT_TO_LEFT)
    expect(page.locator(".entry").first).to_contain_text(SCRIPT)
    expect(page.locator("a.node")).to_have_count(2)
    page.locator(".entry").first.locator("summary").click()
    expect(page.locator(".entry pre")).to_contain_text("xxx")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    # Bidirectional text turns nothing around it.
    direction = "node => getComputedStyle(node).unicodeBidi"
    assert page.locator(".lease .holder").evaluate(direction) == "isolate"
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", name=SCRIPT)).to_be_visible()
    # As JSON, with its quotation marks escaped.
    expect(page.locator(".content pre")).to_contain_text("</script><img src=x onerror=")
    assert "hit" not in page.title()
    assert page.locator("main script, main img").count() == 0
