"""What the calls that concern all agents send: constraints, budgets, conflicts, log, workspaces."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.unit.cases import ID, ROW, Case

from sharedstate import BudgetReservation

RESERVATION = {
    "workspace": "robot",
    "reservation_id": ID,
    "subsystem": "reserve",
    "mass_kg": 2,
    "cost_usd": 0,
    "power_w": 0,
    "agent_name": "skeleton_agent",
    "execution_id": "my-run",
    "reserved_at": "2026-11-22T19:35:44.0318+00:00",
    "expires_at": "2026-11-22T19:40:44.0318+00:00",
    "locked_subsystem": None,
    "fencing_token": None,
}
RESERVED = BudgetReservation(
    reservation_id=ID,
    subsystem="reserve",
    mass_kg=2,
    cost_usd=0,
    power_w=0,
    agent_name="skeleton_agent",
    execution_id="my-run",
    expires_at=datetime(2026, 11, 22, 19, 40, 44, 31800, UTC),
    locked_subsystem=None,
    fencing_token=None,
    _state=None,  # type: ignore[arg-type]
)
TRANSFER = {"from_subsystem": "reserve", "to_subsystem": "power", "mass_kg": 1.5}
SHARED_CASES = [
    Case(
        "update_global_constraints",
        ({"height_m": 1.75}, "system_architect"),
        {
            "constraints": {"height_m": 1.75},
            "created_by": "system_architect",
            "base_version": None,
            "execution_id": "my-run",
        },
        ROW,
        ROW,
    ),
    Case(
        "diff_global_constraints",
        (1, 3),
        {"from_version": 1, "to_version": 3},
        [ROW],
        [ROW],
        mutates=False,
    ),
    Case(
        "transfer_budget",
        ("reserve", "skeleton", 0.5, 0, 0, "longer bones", "system_architect"),
        {
            "from_subsystem": "reserve",
            "to_subsystem": "skeleton",
            "mass_kg": 0.5,
            "cost_usd": 0,
            "power_w": 0,
            "reason": "longer bones",
            "agent_name": "system_architect",
            "reservation_id": None,
            "execution_id": "my-run",
        },
        ROW,
        ROW,
    ),
    Case(
        "transfer_budget",
        ("reserve", "skeleton"),
        {
            "from_subsystem": "reserve",
            "to_subsystem": "skeleton",
            "mass_kg": 0,
            "cost_usd": 0,
            "power_w": 20,
            "reason": "a lamp",
            "agent_name": None,
            "reservation_id": None,
            "execution_id": "my-run",
        },
        ROW,
        ROW,
        {"power_w": 20, "reason": "a lamp"},
    ),
    *(
        Case(
            "reserve_budget",
            ("reserve", "skeleton_agent"),
            {
                "subsystem": "reserve",
                "agent_name": "skeleton_agent",
                "execution_id": "my-run",
                "mass_kg": 2,
                "cost_usd": 0,
                "power_w": 0,
                "ttl_seconds": 60,
                "fencing_token": None,
                "locked_subsystem": None,
            },
            answer,
            result,
            {"mass_kg": 2, "ttl_seconds": 60},
        )
        for answer, result in (([RESERVATION], RESERVED), ([], None))
    ),
    Case(
        "release_budget",
        (ID,),
        {"reservation_id": ID, "execution_id": "my-run"},
        [ROW],
        True,
    ),
    Case(
        "log_conflict",
        ("high", "actuation_agent", "system_architect", "too heavy"),
        {
            "severity": "high",
            "source": "actuation_agent",
            "target": "system_architect",
            "description": "too heavy",
            "details": None,
            "priority": 3,
            "blocks": None,
            "execution_id": "my-run",
            "conflict_key": "mass",
        },
        {"conflict_id": 8},
        8,
        {"conflict_key": "mass"},
    ),
    Case(
        "add_conflict_note",
        (8, "power_agent", "looked at it"),
        {
            "conflict_id": 8,
            "agent_name": "power_agent",
            "note": "looked at it",
            "execution_id": "my-run",
        },
        ROW,
        ROW,
    ),
    Case(
        "reassign_conflict",
        (8, "power_agent", "system_architect", "it is the battery"),
        {
            "conflict_id": 8,
            "target_agent": "power_agent",
            "agent_name": "system_architect",
            "reason": "it is the battery",
            "execution_id": "my-run",
        },
        ROW,
        ROW,
    ),
    Case(
        "reopen_conflict",
        (8, "power_agent", "it did not hold"),
        {
            "conflict_id": 8,
            "agent_name": "power_agent",
            "reason": "it did not hold",
            "execution_id": "my-run",
        },
        ROW,
        ROW,
    ),
    Case("get_conflict_history", (8,), {"conflict_id": 8}, [ROW], [ROW], mutates=False),
    Case("is_blocked", ("power_agent",), {"agent_name": "power_agent"}, True, True, mutates=False),
    Case("blocked_by", ("power_agent",), {"agent_name": "power_agent"}, [ROW], [ROW],
         mutates=False),
    Case(
        "wait_until_unblocked",
        ("power_agent",),
        {"agent_name": "power_agent"},
        {"blocked": False, "conflicts": [], "retry_ms": 0},
        True,
        mutates=False,
    ),
    Case(
        "resolve_conflict",
        (8, "more reserve", "system_architect"),
        {
            "conflict_id": 8,
            "resolution": "more reserve",
            "resolved_by": "system_architect",
            "budget_transfer": None,
            "execution_id": "my-run",
        },
        ROW,
        ROW,
    ),
    Case(
        "resolve_conflict",
        (8, "more reserve", "system_architect"),
        {
            "conflict_id": 8,
            "resolution": "more reserve",
            "resolved_by": "system_architect",
            "budget_transfer": TRANSFER,
            "execution_id": "my-run",
        },
        ROW,
        ROW,
        {"budget_transfer": TRANSFER},
    ),
    Case("get_active_conflicts", (), {"agent_name": None}, [ROW], [ROW], mutates=False),
    Case("get_active_conflicts", ("power",), {"agent_name": "power"}, [], [], mutates=False),
    Case(
        "log_agent_activities",
        ([{"agent_name": "skeleton_agent", "activity": "design_complete"}],),
        {
            "entries": [{"agent_name": "skeleton_agent", "activity": "design_complete"}],
            "execution_id": "my-run",
        },
        [ROW],
        [ROW],
    ),
    Case("get_recent_activity", (), {"limit_count": 50}, [ROW], [ROW], mutates=False),
    Case(
        "get_recent_activity",
        (20, "power_agent"),
        {
            "limit_count": 20,
            "agent_name": "power_agent",
            "execution_id": "run-1",
            "activity": "design_complete",
            "since": "2026-11-22T00:00:00+00:00",
            "until": "2026-11-23T00:00:00Z",
            "before_id": 7,
        },
        [],
        [],
        options={
            "execution_id": "run-1",
            "activity": "design_complete",
            "since": datetime(2026, 11, 22, tzinfo=UTC),
            "until": "2026-11-23T00:00:00Z",
            "before": {"id": 7},
        },
        mutates=False,
    ),
    Case(
        "log_agent_activity",
        ("skeleton_agent", "design_complete", {"bones": 6}),
        {
            "agent_name": "skeleton_agent",
            "activity": "design_complete",
            "details": {"bones": 6},
            "execution_id": "my-run",
        },
        ROW,
        ROW,
    ),
    Case("health", (), {}, {"status": "ok"}, {"status": "ok"}, mutates=False),
    Case("schema_version", (), {}, "20261122000000", "20261122000000", mutates=False),
    Case(
        "init_workspace",
        ("arm",),
        {"workspace_name": "arm", "with_defaults": True},
        {"name": "arm"},
        {"name": "arm"},
    ),
    Case("list_workspaces", (), {}, [{"name": "arm"}], [{"name": "arm"}], mutates=False),
    *(
        Case(
            "get_situation",
            ("power_agent", *execution),
            {"agent_name": "power_agent", "execution_id": sent},
            {"leases": []},
            {"leases": []},
            mutates=False,
        )
        for execution, sent in (((), "my-run"), (("run-2",), "run-2"))
    ),
    *(
        Case("release_execution", execution, {"execution_id": sent}, {"leases": []}, {"leases": []})
        for execution, sent in (((), "my-run"), (("session-7:",), "session-7:"))
    ),
    Case("get_board", (), {"cursor": None, "limit_count": 100}, ROW, ROW, mutates=False),
    Case("get_board", ("7/9", 20), {"cursor": "7/9", "limit_count": 20}, ROW, ROW, mutates=False),
    Case("export_state", (), {}, {"format": "sharedstate/1"}, {"format": "sharedstate/1"},
         mutates=False),
]  # fmt: skip
