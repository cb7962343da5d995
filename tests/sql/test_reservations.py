"""reserve_budget and release_budget: what one execution holds, no other can have."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from tests.sql.support import Api, Row

from sharedstate_ops.stack.keys import make_token

SKELETON_KG = 15


def hold(
    api: Api, mass_kg: float, execution_id: str = "run-1", subsystem: str = "skeleton", **more: Any
) -> Row | None:
    rows: list[Row] = api.do(
        "reserve_budget",
        subsystem=subsystem,
        agent_name="skeleton_agent",
        execution_id=execution_id,
        mass_kg=mass_kg,
        **more,
    )
    assert len(rows) < 2
    return rows[0] if rows else None


def held(api: Api, mass_kg: float, **arguments: Any) -> Row:
    row = hold(api, mass_kg, **arguments)
    assert row is not None
    return row


def use(api: Api, mass_kg: float, execution_id: str = "run-1", **arguments: Any) -> None:
    api.do(
        "update_subsystem_status",
        subsystem="skeleton",
        status={"current_mass_kg": mass_kg},
        execution_id=execution_id,
        **arguments,
    )


def remaining(api: Api, subsystem: str = "skeleton") -> float:
    (row,) = api.rows("budget_usage", name=f"eq.{subsystem}", quantity="eq.mass_kg")
    found: float = row["remaining"]
    return found


def expire(api: Api, table: str) -> None:
    """Its time has passed, by the database's clock."""
    api.sql(
        f"update {table} set expires_at = clock_timestamp() - interval '1 second' "
        "where workspace = %s",
        api.workspace,
    )


def test_a_reservation_is_out_of_what_remains(api: Api) -> None:
    row = held(api, 4, cost_usd=100, ttl_seconds=60)
    assert (row["subsystem"], row["mass_kg"], row["cost_usd"]) == ("skeleton", 4, 100)
    assert (row["agent_name"], row["execution_id"]) == ("skeleton_agent", "run-1")
    assert api.rows("budget_reservations") == [row]
    assert remaining(api) == SKELETON_KG - 4


def test_what_is_used_or_held_cannot_be_reserved_again(api: Api) -> None:
    use(api, 10)
    held(api, 3)
    assert hold(api, 2.1, "run-2") is None
    assert hold(api, 2.1, "run-1") is None
    held(api, 2, execution_id="run-2")
    assert hold(api, 0.001, "run-2") is None
    assert remaining(api) == 0


def test_a_reservation_of_which_one_amount_does_not_remain_holds_nothing(api: Api) -> None:
    assert hold(api, 1, cost_usd=3001) is None
    assert api.rows("budget_reservations") == []
    assert api.log("budget_reserved") == []


def test_what_is_not_allocated_cannot_be_reserved(api: Api) -> None:
    assert hold(api, 0, power_w=1) is None
    assert hold(api, 1, subsystem="system_architect") is None


def test_an_overrun_of_cost_does_not_stop_a_reservation_of_mass(api: Api) -> None:
    api.do(
        "update_subsystem_status",
        subsystem="skeleton",
        status={"current_cost_usd": 3001},
        execution_id="run-1",
    )
    held(api, 15)


def test_the_reserve_can_be_held_too(api: Api) -> None:
    held(api, 2, subsystem="reserve")
    assert hold(api, 0.1, "run-2", "reserve") is None
    assert remaining(api, "reserve") == 0


def test_a_name_without_budget_is_refused(api: Api) -> None:
    detail = api.refused(
        "reserve_budget",
        "invalid_argument",
        subsystem="skelleton",
        agent_name="a",
        execution_id="run-1",
        mass_kg=1,
    )
    assert detail["argument"] == "subsystem"


def test_reservations_are_logged(api: Api) -> None:
    row = held(api, 4)
    api.do("release_budget", reservation_id=row["reservation_id"], execution_id="run-1")
    entries = api.log("budget_reserved", "budget_released")
    assert [entry["activity"] for entry in entries] == ["budget_reserved", "budget_released"]
    for entry in entries:
        assert entry["details"]["subsystem"] == "skeleton"
        assert entry["details"]["reservation_id"] == row["reservation_id"]


# How it ends


def test_release_budget_ends_the_whole_reservation_once(api: Api) -> None:
    row = held(api, SKELETON_KG)
    call = {"reservation_id": row["reservation_id"], "execution_id": "run-1"}
    assert api.do("release_budget", **call) == [row]
    assert api.do("release_budget", **call) == []
    held(api, SKELETON_KG, execution_id="run-2")


def test_only_its_own_execution_releases_a_reservation(api: Api) -> None:
    row = held(api, 4)
    call = {"reservation_id": row["reservation_id"], "execution_id": "run-2"}
    assert api.do("release_budget", **call) == []
    assert api.rows("budget_reservations") == [row]


def test_a_token_of_another_agent_uses_no_reservation_of_an_execution(api: Api) -> None:
    """Everybody can read whose execution holds what."""
    row = held(api, 10)
    intruder = make_token(
        api.stack.jwt_secret, "authenticated", workspace=api.workspace, agent="intruder", ttl=60
    )
    move = {"from_subsystem": "skeleton", "to_subsystem": "shell", "agent_name": "intruder"}
    move |= {"reason": "mine", "execution_id": "run-1", "key": intruder}
    api.refused("transfer_budget", "over_budget", **move, mass_kg=6)
    move["reservation_id"] = row["reservation_id"]
    api.refused("transfer_budget", "reservation_lost", **move, mass_kg=1)
    api.refused(
        "update_subsystem_status",
        "over_budget",
        subsystem="skeleton",
        status={"current_mass_kg": 6},
        execution_id="run-1",
        strict=True,
        key=intruder,
    )
    assert api.rows("budget_reservations") == [row]


def test_a_reservation_ends_with_its_time(api: Api) -> None:
    row = held(api, SKELETON_KG)
    expire(api, "budget_reservations")
    assert remaining(api) == SKELETON_KG
    call = {"reservation_id": row["reservation_id"], "execution_id": "run-1"}
    assert api.do("release_budget", **call) == []
    held(api, SKELETON_KG, execution_id="run-2")
    assert len(api.rows("budget_reservations")) == 1


@pytest.mark.parametrize("end", ["release", "expiry", "another"])
def test_a_reservation_ends_with_the_lease_that_it_is_bound_to(api: Api, end: str) -> None:
    token = api.lock()["fencing_token"]
    held(api, SKELETON_KG, fencing_token=token)
    assert hold(api, 1, "run-2") is None
    if end == "release":
        api.do(
            "release_lock",
            resource_type="subsystem",
            resource_name="skeleton",
            execution_id="run-1",
        )
    else:
        expire(api, "agent_locks")
    if end == "another":
        api.lock("skeleton", "other_agent", "run-2")
    assert remaining(api) == SKELETON_KG
    held(api, SKELETON_KG, execution_id="run-2")


def test_a_reservation_of_the_reserve_is_bound_to_the_lease_of_a_subsystem(api: Api) -> None:
    token = api.lock()["fencing_token"]
    held(api, 2, subsystem="reserve", fencing_token=token, locked_subsystem="skeleton")
    expire(api, "agent_locks")
    held(api, 2, subsystem="reserve", execution_id="run-2")


def test_a_reservation_cannot_be_bound_to_a_lease_that_has_ended(api: Api) -> None:
    token = api.lock()["fencing_token"]
    expire(api, "agent_locks")
    api.refused(
        "reserve_budget",
        "lease_lost",
        subsystem="skeleton",
        agent_name="a",
        execution_id="run-1",
        mass_kg=1,
        fencing_token=token,
    )
    assert api.rows("budget_reservations") == []


@pytest.mark.parametrize("taken_by", ["reservation", "strict write", "transfer"])
def test_a_late_renewal_does_not_bring_back_what_others_took(api: Api, taken_by: str) -> None:
    """The renewal is decided before the lease ends, and becomes visible after."""
    token = api.lock()["fencing_token"]
    held(api, SKELETON_KG, fencing_token=token)
    api.sql(
        "update agent_locks set expires_at = clock_timestamp() where workspace = %s", api.workspace
    )
    with psycopg.connect(api.stack.database_url) as renewal:
        renewal.execute(
            "update agent_locks set expires_at = clock_timestamp() + interval '1 hour' "
            "where workspace = %s",
            [api.workspace],
        )
        if taken_by == "reservation":
            held(api, SKELETON_KG, execution_id="run-2")
        elif taken_by == "strict write":
            use(api, SKELETON_KG, "run-2", strict=True)
        else:
            api.do(
                "transfer_budget",
                from_subsystem="skeleton",
                to_subsystem="reserve",
                mass_kg=SKELETON_KG,
                reason="it is free",
                agent_name="system_architect",
                execution_id="run-2",
            )
        renewal.commit()
    live = api.rows("budget_reservations", execution_id="eq.run-1")
    assert live == []


# What is spent


def test_a_status_of_the_same_execution_uses_up_its_reservation(api: Api) -> None:
    held(api, 4)
    use(api, 3)
    (row,) = api.rows("budget_reservations")
    assert row["mass_kg"] == 1
    assert remaining(api) == SKELETON_KG - 3 - 1
    use(api, 5)
    assert api.rows("budget_reservations") == []
    assert remaining(api) == SKELETON_KG - 5


def test_the_oldest_reservation_is_spent_first(api: Api) -> None:
    first, second = (held(api, 2)["reservation_id"] for _ in range(2))
    use(api, 3)
    (row,) = api.rows("budget_reservations")
    assert (row["reservation_id"], row["mass_kg"]) == (second, 1)
    assert first != second


def test_a_write_that_uses_less_spends_nothing(api: Api) -> None:
    use(api, 9)
    row = held(api, 4)
    use(api, 3)
    assert api.rows("budget_reservations") == [row]


def test_two_executions_that_hold_all_of_a_budget_can_both_use_their_parts(api: Api) -> None:
    held(api, 10, execution_id="run-1")
    held(api, 5, execution_id="run-2")
    use(api, 10, "run-1", strict=True)
    use(api, 15, "run-2", strict=True)
    assert remaining(api) == 0
    assert api.rows("budget_reservations") == []


def test_a_status_of_another_execution_spends_nothing(api: Api) -> None:
    row = held(api, 4)
    use(api, 3, "run-2")
    assert api.rows("budget_reservations") == [row]


def test_a_reservation_is_not_exported(api: Api) -> None:
    """It binds an execution that runs now, as a lease does."""
    held(api, 4)
    assert "budget_reservations" not in api.do("export_state")
