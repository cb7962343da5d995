"""Bad values for each section of a document to import."""

from __future__ import annotations

from tests.sql.support import Row

KEY = "00000000-0000-0000-0000-000000000001"
CONFLICT: Row = {
    "conflict_id": 1,
    "severity": "low",
    "source_agent": "a",
    "target_agent": "b",
    "description": "x",
}
WRONG_CONFLICTS: list[Row] = [
    {"conflict_id": None},
    {"conflict_id": 0},
    {"severity": "urgent"},
    {"priority": 5},
    {"source_agent": "a "},
    {"status": "closed"},
    {"status": "resolved"},
    {"resolution": "open, yet resolved", "resolved_at": "2026-01-01T00:00:00Z"},
    {"details": []},
]
DEPENDENCY: Row = {
    "subsystem": "x",
    "on_subsystem": "y",
    "document": "interfaces",
    "seen_version": 1,
}
WRONG_DEPENDENCIES: list[Row] = [
    {"subsystem": "a "},
    {"on_subsystem": "x"},
    {"document": "designs"},
    {"seen_version": -1},
    {"seen_version": None},
]
SECTIONS: Row = {
    "format": [None, "", "sharedstate/2", 1, []],
    "surprise": [[]],
    "subsystems": [
        *({}, "text", 5, None, ["x"], [5], [[]]),
        *([{"name": name}] for name in ("", "a ", None, "x" * 129)),
        *([{"name": "x", "current_mass_kg": mass}] for mass in (-1, "NaN", "heavy", 10**12)),
        [{"name": "x", "iteration": -1}],
        [{"name": "x", "state": ""}],
        [{"name": "x", "metadata": []}],
        [{"name": "x", "created_at": "yesterday evening"}],
        [{"name": "fine"}, {"name": "x", "version": 0}],
    ],
    "global_constraints": [
        [{"version": 2, "total_mass_kg_max": -1}],
        [{"version": 2, "height_m": "NaN"}],
        [{"version": 2, "budget_allocations": []}],
    ],
    **{
        table: [
            [{"subsystem_name": "", column: {}}],
            [{column: {}}],
            [{"subsystem_name": "x"}],
            [{"subsystem_name": "x", column: []}],
            [{"subsystem_name": "x", column: {}, "version": "first"}],
            [{"subsystem_name": "x", column: {}, "created_by": "a "}],
        ]
        for table, column in (
            ("subsystem_requirements", "requirements"),
            ("subsystem_interfaces", "interfaces"),
            ("subsystem_designs", "design_data"),
        )
    },
    "document_dependencies": [
        [{"subsystem": "x"}],
        *([{**DEPENDENCY, **wrong}] for wrong in WRONG_DEPENDENCIES),
    ],
    "conflicts": [
        [{"conflict_id": 1}],
        *([{**CONFLICT, **wrong}] for wrong in WRONG_CONFLICTS),
    ],
    "agent_activity_logs": [
        [{"agent_name": "a", "activity": "b"}],
        [{"agent_name": "a", "activity": "b", "import_key": None}],
        [{"agent_name": "a", "activity": "b", "import_key": "x"}],
        [{"agent_name": "a ", "activity": "b", "import_key": KEY}],
        [{"agent_name": "a", "activity": "", "import_key": KEY}],
        [{"agent_name": "a", "activity": "b", "import_key": KEY, "timestamp": "soon"}],
        [{"agent_name": "a", "activity": "b", "import_key": KEY, "details": []}],
    ],
    "counters": [
        [],
        5,
        {"last_conflict_id": "x"},
        {"fencing": {}},
        {"fencing": [{"resource_type": "a"}]},
        {"fencing": [{"resource_type": "a", "resource_name": "b", "last_token": None}]},
    ],
}
