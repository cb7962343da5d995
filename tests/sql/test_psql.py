"""The statements that users type into psql and Studio, through the real psql."""

from __future__ import annotations

import subprocess

import pytest
from tests.sql.support import TABLES, Api

from sharedstate_ops.stack.binaries import postgres_program


def psql(api: Api, statement: str) -> list[str]:
    """The rows of a statement as psql prints them."""
    done = subprocess.run(
        [
            str(postgres_program("psql")),
            api.stack.database_url,
            *("-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement),
        ],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def mine(api: Api, statement: str) -> list[str]:
    return [line for line in psql(api, statement) if line.startswith(f"{api.workspace}|")]


@pytest.mark.parametrize("table", TABLES)
def test_every_table_can_be_selected_as_typed(api: Api, table: str) -> None:
    psql(api, f"SELECT * FROM {table};")


@pytest.mark.parametrize("name", ["Fuß links", "手", "100% *"])
def test_a_lock_of_any_name_can_be_deleted_as_typed(api: Api, name: str) -> None:
    api.lock(name, name, name)
    assert len(mine(api, f"SELECT * FROM agent_locks WHERE resource_name = '{name}';")) == 1
    psql(api, f"DELETE FROM agent_locks WHERE resource_name = '{name}';")
    assert mine(api, "SELECT * FROM agent_locks;") == []


def test_subsystems_are_shown(api: Api) -> None:
    assert len(mine(api, "SELECT * FROM subsystems;")) == 7


def test_the_board_is_shown(api: Api) -> None:
    api.lock()
    rows = mine(api, "SELECT * FROM system_status;")
    assert len(rows) == 7
    assert sum("skeleton_agent" in row for row in rows) == 1


def test_locks_are_shown(api: Api) -> None:
    api.lock()
    (row,) = mine(api, "SELECT * FROM agent_locks;")
    assert row.startswith(f"{api.workspace}|subsystem|skeleton|skeleton_agent|run-1|")


def test_cleanup_works_on_all_workspaces(api: Api) -> None:
    api.lapse(api.lock())
    (count,) = psql(api, "SELECT cleanup_expired_locks();")
    assert int(count) >= 1  # leases of other tests may have lapsed as well
    assert api.rows("agent_locks") == []
    assert len(api.log("lock_lost")) == 1


def test_a_lock_deleted_by_hand_is_free_and_its_token_is_never_valid_again(api: Api) -> None:
    lease = api.lock()
    kept = api.lock("power", "power_agent")
    psql(api, "DELETE FROM agent_locks WHERE resource_name = 'skeleton';")
    assert api.rows("agent_locks") == [kept]
    write = {"subsystem": "skeleton", "status": {"state": "complete"}, "execution_id": "run-1"}
    api.refused(
        "update_subsystem_status", "lease_lost", **write, fencing_token=lease["fencing_token"]
    )
    new = api.lock()
    assert new["fencing_token"] > lease["fencing_token"]
    api.refused(
        "update_subsystem_status", "lease_lost", **write, fencing_token=lease["fencing_token"]
    )
    api.do("update_subsystem_status", **write, fencing_token=new["fencing_token"])


def test_functions_can_be_called_by_hand_in_the_default_workspace(api: Api) -> None:
    (row,) = psql(api, "SELECT status, schema_version FROM health();")
    assert row.startswith("ok|2")
    assert psql(api, "SELECT (export_state()) ->> 'workspace';") == ["default"]
