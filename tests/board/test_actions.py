"""What a person may do from the board: each with a dialog, and the database's own refusal."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from tests.board.browser import Window

from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.keys import make_token


def dialog(page: Page, **fields: str) -> Locator:
    """The open dialog, filled in by Kim."""
    opened = page.get_by_role("dialog")
    for name, text in ({"by": "Kim"} | fields).items():
        opened.locator(f"[name={name}]").fill(text)
    return opened


def item(page: Page, text: str) -> Locator:
    return page.locator(".group li").filter(has_text=text)


def shells_mass_kg(state: SharedState) -> float:
    constraints = state.get_global_constraints()
    assert constraints
    return float(constraints["budget_allocations"]["shell"]["mass_kg"])


@pytest.fixture
def conflict(state: SharedState) -> int:
    return state.log_conflict("high", "power_agent", "system_architect", "Too heavy")


def test_a_conflict_is_resolved_with_a_note(conflict: int, state: SharedState, page: Page) -> None:
    item(page, "Too heavy").get_by_role("button", name="Resolve").click()
    opened = dialog(page, resolution="A lighter shell")
    expect(opened).to_contain_text("Too heavy")
    assert state.get_active_conflicts()
    opened.get_by_role("button", name="Resolve").click()
    expect(page.locator(".toast")).to_have_text(f"Conflict #{conflict} is resolved.")
    expect(item(page, "Too heavy")).to_have_count(0)
    (*_, last) = state.get_conflict_history(conflict)
    assert (last["event"], last["agent_name"]) == ("resolved", "Kim")


def test_a_dialog_keeps_what_is_typed_and_when_left_changes_nothing(
    conflict: int, state: SharedState, page: Page, window: Window
) -> None:
    button = item(page, "Too heavy").get_by_role("button", name="Resolve")
    button.focus()
    page.keyboard.press("Enter")
    opened = dialog(page, resolution="A lighter shell")
    before = window.boards
    window.await_boards(before + 2)
    expect(opened.locator("[name=resolution]")).to_have_value("A lighter shell")
    expect(opened.locator("[name=by]")).to_have_value("Kim")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()
    assert [each["conflict_id"] for each in state.get_active_conflicts()] == [conflict]


def test_a_conflict_is_given_to_another_agent(
    conflict: int, state: SharedState, page: Page
) -> None:
    item(page, "Too heavy").get_by_role("button", name="Reassign").click()
    opened = dialog(page, target_agent="shell_agent", reason="It is about the shell")
    opened.get_by_role("button", name="Reassign").click()
    expect(item(page, "Too heavy")).to_contain_text("power_agent → shell_agent")
    (found,) = state.get_active_conflicts()
    assert found["target_agent"] == "shell_agent"


def test_budget_goes_from_the_reserve_to_who_is_over_it(state: SharedState, page: Page) -> None:
    state.update_subsystem_status("skeleton", {"current_mass_kg": 15.5})
    item(page, "over by 0.5 kg").get_by_role("button", name="Transfer").click()
    opened = dialog(page, mass_kg="0.5", reason="Stiffer femur")
    expect(opened.locator("[name=from_subsystem]")).to_have_value("reserve")
    expect(opened.locator("[name=to_subsystem]")).to_have_value("skeleton")
    opened.get_by_role("button", name="Transfer").click()
    expect(item(page, "over by")).to_have_count(0)
    status = state.get_subsystem_status("skeleton")
    assert status and status["within_budget"]


def test_a_refusal_is_shown_in_the_databases_words_and_can_be_mended(
    state: SharedState, page: Page
) -> None:
    page.get_by_role("button", name="Transfer budget").click()
    fields = {"to_subsystem": "shell", "mass_kg": "999", "reason": "More"}
    opened = dialog(page, **fields)
    opened.get_by_role("button", name="Transfer").click()
    expect(opened.get_by_role("alert")).to_contain_text("over_budget")
    dialog(page, mass_kg="0.25").get_by_role("button", name="Transfer").click()
    expect(page.locator(".toast")).to_have_text("Budget went from reserve to shell.")
    assert shells_mass_kg(state) == 5.25


def test_a_request_whose_answer_was_lost_is_repeated_and_done_once(
    state: SharedState, page: Page
) -> None:
    calls = 0

    def lose_two_answers(route: Route) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            route.fetch()
            route.abort()
        elif calls == 2:
            # As the gateway says it of a call that reached an API which then went away.
            route.fulfill(status=503, json={"message": "service_unavailable"})
        else:
            route.continue_()

    # So it is over plain http from another machine.
    page.evaluate("Object.defineProperty(crypto, 'randomUUID', { value: undefined })")
    page.route("**/rpc/transfer_budget", lose_two_answers)
    page.get_by_role("button", name="Transfer budget").click()
    opened = dialog(page, to_subsystem="shell", mass_kg="0.25", reason="More")
    for said in ("no connection", "service_unavailable"):
        opened.get_by_role("button", name="Transfer").click()
        expect(opened.get_by_role("alert")).to_contain_text(said)
        expect(opened.get_by_role("alert")).to_contain_text("Doing it again is safe.")
    opened.get_by_role("button", name="Transfer").click()
    expect(page.locator(".toast")).to_contain_text("Budget went")
    assert shells_mass_kg(state) == 5.25


def test_an_operator_forces_a_release_and_an_agent_is_not_offered_it(
    state: SharedState, new: Callable[..., Window], stack: StackInfo
) -> None:
    assert state.acquire_lock("subsystem", "shell", "shell_agent")
    page = new().open(stack.agent_key, state.workspace)
    expect(page.locator(".lease")).to_contain_text("shell_agent")
    assert page.get_by_role("button", name="Release").count() == 0
    page = new().open(stack.service_key, state.workspace)
    page.locator(".lease").get_by_role("button", name="Release shell").click()
    opened = dialog(page, reason="It hangs")
    expect(opened).to_contain_text("shell_agent loses its lease")
    # Somebody else's by now, which nobody has decided to end.
    state.release_lock("subsystem", "shell")
    assert state.acquire_lock("subsystem", "shell", "power_agent")
    expect(opened.get_by_role("alert")).to_have_text("This lease has ended already.")
    expect(opened.get_by_role("button", name="Force release")).to_be_disabled()
    page.keyboard.press("Escape")
    page.locator(".lease").get_by_role("button", name="Release shell").click()
    opened = dialog(page, reason="It hangs")
    expect(opened).to_contain_text("power_agent loses its lease")
    opened.get_by_role("button", name="Force release").click()
    expect(page.locator(".lease")).to_have_count(0)
    assert state.get_lock_status("subsystem", "shell")["holder"] is None


def test_with_a_token_for_one_agent_it_acts_as_that_one(
    conflict: int, state: SharedState, window: Window, stack: StackInfo
) -> None:
    token = make_token(stack.jwt_secret, "authenticated", agent="Ines")
    page = window.open(token, state.workspace)
    item(page, "Too heavy").get_by_role("button", name="Resolve").click()
    opened = page.get_by_role("dialog")
    expect(opened.locator("[name=by]")).to_have_value("Ines")
    opened.locator("[name=resolution]").fill("Done")
    opened.get_by_role("button", name="Resolve").click()
    expect(item(page, "Too heavy")).to_have_count(0)
