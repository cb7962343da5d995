"""The activity log: own entries, and those that mutations write in their own transaction."""

from __future__ import annotations

import pytest
from tests.sql.mutations import MUTATION_BY_NAME, Mutation
from tests.sql.support import Api


def test_an_entry_keeps_what_was_said(api: Api) -> None:
    row = api.do(
        "log_agent_activity",
        agent_name="skeleton_agent",
        activity="design complete: 6 bones",
        details={"bones_designed": 6},
        execution_id="run-1",
    )
    assert row["workspace"] == api.workspace
    assert (row["agent_name"], row["activity"]) == ("skeleton_agent", "design complete: 6 bones")
    assert (row["details"], row["execution_id"]) == ({"bones_designed": 6}, "run-1")
    assert row["import_key"] is None
    assert api.rows("agent_activity_logs", id=f"eq.{row['id']}") == [row]


def test_details_and_execution_have_defaults(api: Api) -> None:
    row = api.do("log_agent_activity", agent_name="a", activity="b")
    assert (row["details"], row["execution_id"]) == ({}, None)


def test_entries_are_in_the_order_of_the_databases_clock(api: Api) -> None:
    for number in range(5):
        api.do("log_agent_activity", agent_name="a", activity=f"step {number}")
    newest = api.rows("agent_activity_logs", order="timestamp.desc,id.desc", limit="5")
    assert [row["activity"] for row in newest] == [f"step {n}" for n in (4, 3, 2, 1, 0)]


LOGGED = {
    "update_subsystem_status": "status_updated",
    "update_subsystem_requirements": "requirements_updated",
    "update_subsystem_interfaces": "interfaces_updated",
    "update_subsystem_design": "design_updated",
    "record_dependency": "dependency_recorded",
    "remove_dependency": "dependency_removed",
    "transfer_budget": "budget_transferred",
    "reserve_budget": "budget_reserved",
    "release_budget": "budget_released",
    "update_global_constraints": "constraints_updated",
    "log_conflict": "conflict_created",
    "resolve_conflict": "conflict_resolved",
    "add_conflict_note": "conflict_noted",
    "reassign_conflict": "conflict_reassigned",
    "reopen_conflict": "conflict_reopened",
    "log_agent_activity": "design_started",
    "log_agent_activities": "design_started",
    "checkin_subsystem": "checked_in",
    "force_release_lock": "lock_forced",
    "acquire_lock": None,
    "acquire_locks": None,
    "renew_lock": None,
    "release_lock": None,
    "checkout_subsystem": None,
    "init_workspace": None,
    "import_state": None,
    "prune_activity": None,
    "release_execution": "budget_released",
}


def test_every_mutation_logs_itself_once_and_locks_only_what_went_wrong(
    api: Api, mutation: Mutation
) -> None:
    arguments = mutation.ready(api)
    before = api.log()
    api.do(mutation.name, key=mutation.key(api), **arguments)
    expected = LOGGED[mutation.name]
    added = [row["activity"] for row in api.log()[len(before) :]]
    assert added == ([] if expected is None else [expected])


@pytest.mark.parametrize("name", [name for name, activity in LOGGED.items() if activity])
def test_a_change_and_its_entry_are_one_transaction(api: Api, name: str) -> None:
    """With the log broken, nothing of the change may remain."""
    mutation = MUTATION_BY_NAME[name]
    arguments = mutation.ready(api)
    before = api.snapshot()
    check = f"broken_{api.workspace.replace('-', '_')}"
    api.sql(
        f"alter table agent_activity_logs add constraint {check} "
        f"check (workspace <> '{api.workspace}') not valid"
    )
    try:
        status, answer = api.call(mutation.name, key=mutation.key(api), **arguments)
    finally:
        api.sql(f"alter table agent_activity_logs drop constraint {check}")
    assert (status, answer["code"]) == (400, "23514"), answer
    assert api.snapshot() == before
