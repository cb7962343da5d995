"""What import_state refuses: nothing that breaks a view, or stops a counter for good, gets in."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sql.support import Api

MOST = 2**53
TOKEN = {"resource_type": "subsystem", "resource_name": "skeleton", "last_token": 1}
DEPENDENCY = {
    "subsystem": "skeleton",
    "on_subsystem": "power",
    "document": "design",
    "seen_version": 0,
}
CONFLICT = {
    "severity": "low",
    "source_agent": "a",
    "target_agent": "b",
    "description": "?",
    "status": "open",
}
EVENT = {"event_id": 1, "event": "opened", "agent_name": "a"}
ENTRY = {"agent_name": "a", "activity": "b", "import_key": "00000000-0000-0000-0000-00000000000a"}


@pytest.mark.parametrize(
    ("argument", "section"),
    [
        (
            "document.global_constraints.budget_allocations.skeleton.mass_kg",
            {"global_constraints": [{"budget_allocations": {"skeleton": {"mass_kg": "abc"}}}]},
        ),
        (
            "document.global_constraints.budget_allocations",
            {"global_constraints": [{"budget_allocations": []}]},
        ),
        (
            "document.global_constraints.created_by",
            {"global_constraints": [{"version": 2, "created_by": "a "}]},
        ),
        ("document.subsystems.name", {"subsystems": [{"name": "skeleton "}]}),
        ("document.subsystems.state", {"subsystems": [{"name": "skeleton", "state": "a\tb"}]}),
        (
            "document.subsystems.version",
            {"subsystems": [{"name": "skeleton", "version": MOST + 1}]},
        ),
        (
            "document.conflicts.conflict_id",
            {"conflicts": [{**CONFLICT, "conflict_id": MOST + 1}]},
        ),
        ("document.counters.last_conflict_id", {"counters": {"last_conflict_id": MOST + 1}}),
        ("document.counters.fencing", {"counters": {"fencing": {}}}),
        (
            "document.counters.fencing.last_token",
            {"counters": {"fencing": [{**TOKEN, "last_token": MOST + 1}]}},
        ),
        (
            "document.counters.fencing.resource_type",
            {"counters": {"fencing": [{**TOKEN, "resource_type": "a "}]}},
        ),
        (
            "document.conflicts.source_agent",
            {"conflicts": [{**CONFLICT, "conflict_id": 1, "source_agent": "a "}]},
        ),
        (
            "document.conflicts.target_agent",
            {"conflicts": [{**CONFLICT, "conflict_id": 1, "target_agent": ""}]},
        ),
        (
            "document.conflicts.reported_to",
            {"conflicts": [{**CONFLICT, "conflict_id": 1, "reported_to": "a\n"}]},
        ),
        (
            "document.conflicts.resolved_by",
            {"conflicts": [{**CONFLICT, "conflict_id": 1, "resolved_by": " a"}]},
        ),
        (
            "document.conflicts.conflict_key",
            {"conflicts": [{**CONFLICT, "conflict_id": 1, "conflict_key": ""}]},
        ),
        (
            "document.conflicts.events.agent_name",
            {
                "conflicts": [
                    {**CONFLICT, "conflict_id": 1, "events": [{**EVENT, "agent_name": ""}]}
                ]
            },
        ),
        (
            "document.agent_activity_logs.agent_name",
            {"agent_activity_logs": [{**ENTRY, "agent_name": "a "}]},
        ),
        (
            "document.agent_activity_logs.activity",
            {"agent_activity_logs": [ENTRY, {**ENTRY, "activity": "a\tb"}]},
        ),
        ("document", {"document_dependencies": [{**DEPENDENCY, "seen_version": -1}]}),
        ("document", {"document_dependencies": [{**DEPENDENCY, "accepted_version": -1}]}),
        ("document", {"document_dependencies": [{**DEPENDENCY, "on_subsystem": "skeleton"}]}),
        ("document", {"counters": {"fencing": [TOKEN, {**TOKEN, "last_token": 2}]}}),
    ],
)
def test_a_value_that_would_break_the_workspace_is_refused_and_nothing_changes(
    api: Api, argument: str, section: dict[str, Any]
) -> None:
    before = api.snapshot()
    detail = api.refused(
        "import_state",
        "invalid_argument",
        key=api.stack.service_key,
        document={"format": "sharedstate/1", **section},
    )
    assert detail["argument"] == argument
    assert api.snapshot() == before


def test_after_the_largest_numbers_that_an_import_may_bring_the_workspace_still_counts(
    api: Api,
) -> None:
    api.operate(
        "import_state",
        document={
            "format": "sharedstate/1",
            "subsystems": [{"name": "arm", "version": MOST, "state": "designing"}],
            "conflicts": [{**CONFLICT, "conflict_id": MOST}],
            "counters": {"fencing": [{**TOKEN, "last_token": MOST}]},
        },
    )
    call = {"severity": "low", "source": "a", "target": "b", "description": "next"}
    assert api.do("log_conflict", **call)["conflict_id"] == MOST + 1
    row = api.do("update_subsystem_status", subsystem="arm", status={}, execution_id="x")
    assert row["version"] == MOST + 1
    assert api.lock("skeleton")["fencing_token"] == MOST + 1


@pytest.mark.parametrize(
    ("function", "argument", "arguments"),
    [
        (
            "update_subsystem_status",
            "status",
            {"subsystem": "new", "execution_id": "e"},
        ),
        (
            "update_global_constraints",
            "constraints",
            {"created_by": "architect"},
        ),
    ],
)
def test_the_deepest_unknown_key_may_be_sent_back_where_it_is_kept(
    api: Api, function: str, argument: str, arguments: dict[str, Any]
) -> None:
    deep: dict[str, Any] = {"value": 1}
    for _ in range(199):
        deep = {"in": deep}
    row = api.do(function, **{argument: deep}, **arguments)
    assert row["metadata"] == deep
    again = api.do(function, **{argument: row}, **arguments)
    assert (again["metadata"], again["version"]) == (deep, row["version"] + 1)
    detail = api.refused(
        function, "invalid_argument", **{argument: {"metadata": {"in": deep}}}, **arguments
    )
    assert detail["argument"] == f"{argument}.metadata"
