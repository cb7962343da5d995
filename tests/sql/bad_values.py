"""Bad values for every argument of every mutating function."""

from __future__ import annotations

from typing import Any

from tests.sql.bad_imports import SECTIONS
from tests.sql.support import Row

NAMES: list[Any] = [
    "",
    " ",
    " a",
    "a ",
    "手" * 129,
    "e\u0301",
    "a\nb",
    "x\r\nX-Evil: 1",
    "a\x7f",
    "a\x85",
    None,
]
OPTIONAL_NAMES: list[Any] = [value for value in NAMES if value is not None]
# Nothing to see: spaces of all kinds, joiners, marks of direction, byte order mark, fillers, tags.
BLANKS = [" ", "\u00a0\u2003", "\u200b", "\ufeff", "\u2060\u202e", "\u3164", "\u2800", "\U000e0041"]
LABELS = ["", "x" * 201, "a\nb", "\t", "\x1b[31m", "\x7f", "\x9b31m", *BLANKS]
ESCAPES = ["red \x1b[31m", "a\x07", "\x9b2J gone", "all is well\rnothing is", "a\x7f", "a\x0b"]
TEXTS = ["", "   ", "\n\t\n", *BLANKS, *ESCAPES, "x" * 10_001, None]
OBJECTS = [[], "text", 5, True, None]


def _nested(levels: int) -> Row:
    document: Row = {}
    for _ in range(levels):
        document = {"d": document}
    return document


# The last two: numbers and nestings that many a reader of JSON cannot take.
DOCUMENTS = [[], "text", 5, True, {"a": [10**400]}, _nested(201)]
AMOUNTS = [-1, -0.001, 10**12, "NaN", "12", True, None, [], {}]
# Postgres itself makes a number of "12" where the parameter is one.
MOVED = [-1, -0.001, 10**12, "NaN", "Infinity", "x", True, None, [], {}]
BOOLEANS = ["maybe", 5, [], None]
WHOLE = [-1, 1.5, "x", 2**31, 10**20, True, []]
LISTS = [[""], [None], ["a "], [["a"], ["b"]], 5, {}, ["x"] * 1001]
TTLS = [0, -1, 86_401, 1.5, "long", None, 2**31, 10**20, [], True]
# What Postgres itself refuses when it makes a number, uuid, time or list of a JSON value.
CASTS = {"22P02", "22003", "22007", "22P05", "22P03", "42804"}
TYPED = [1.5, "x", 2**63, [], True]
REQUEST_IDS = ["", "no-uuid", 5, [], "00000000-0000-0000-0000-00000000000g"]

STATUS: Row = {
    "name": ["power", 5, None],
    "state": [*LABELS, 5, None, []],
    "current_mass_kg": AMOUNTS,
    "current_cost_usd": AMOUNTS,
    "current_power_w": AMOUNTS,
    "iteration": [*WHOLE, None],
    "within_budget": ["yes", 1, []],
    "version": ["1", -1, 1.5, [], True],
    "metadata": [[], "text", 5, None],
}
CONSTRAINTS: Row = {
    **{
        limit: [value for value in AMOUNTS if value is not None]
        for limit in ("total_mass_kg_max", "total_cost_usd_max", "height_m", "voltage_v")
    },
    "budget_allocations": [
        *OBJECTS,
        {"": {}},
        {"a ": {}},
        {"skeleton": 5},
        {"skeleton": None},
        *({"skeleton": {key: value}} for key in ("mass_kg", "cost_usd") for value in AMOUNTS),
        {"skeleton": {"power_w": -1}},
    ],
    "metadata": [[], "text", 5, None],
}

WAITS = [-1, 86_401, "long", None, [], True, 10**20]
PRIORITIES = [0, 5, -1, 2.5, "high", None, 2**31, True]
RESOURCE = {"resource_type": "subsystem", "resource_name": "skeleton"}

ENTRY = {"agent_name": "skeleton_agent", "activity": "design_started"}

TRANSFER = {"from_subsystem": "reserve", "to_subsystem": "power"}

BAD: dict[str, dict[str, list[Any]]] = {
    "acquire_locks": {
        "resources": [
            *OBJECTS,
            {},
            [[]],
            ["skeleton"],
            [None],
            [RESOURCE] * 101,
            [RESOURCE, {"resource_type": "subsystem"}],
            [RESOURCE, {"resource_name": "skeleton"}],
            *([RESOURCE, {**RESOURCE, "resource_name": name}] for name in NAMES),
            *([{**RESOURCE, "resource_type": name}] for name in NAMES),
        ],
        "agent_name": NAMES,
        "execution_id": NAMES,
        "ttl_seconds": TTLS,
        "wait_seconds": WAITS,
        "priority": PRIORITIES,
    },
    "wait_for_lock": {},
    "cancel_lock_request": {},
    "acquire_lock": {
        "resource_type": NAMES,
        "resource_name": NAMES,
        "agent_name": NAMES,
        "execution_id": NAMES,
        "ttl_seconds": TTLS,
        "wait_seconds": WAITS,
        "priority": PRIORITIES,
    },
    "renew_lock": {
        "resource_type": NAMES,
        "resource_name": NAMES,
        "execution_id": NAMES,
        "fencing_token": [*TYPED, None],
        "ttl_seconds": TTLS,
    },
    "release_lock": {
        "resource_type": NAMES,
        "resource_name": NAMES,
        "execution_id": NAMES,
        "fencing_token": TYPED,
    },
    "force_release_lock": {
        "resource_type": NAMES,
        "resource_name": NAMES,
        "released_by": NAMES,
        "reason": TEXTS,
    },
    "update_subsystem_status": {
        "subsystem": NAMES,
        "status": [*OBJECTS, *({key: value} for key in STATUS for value in STATUS[key])],
        "execution_id": NAMES,
        "strict": BOOLEANS,
        "fencing_token": TYPED,
    },
    **{
        f"update_subsystem_{kind}": {
            "subsystem": NAMES,
            argument: OBJECTS,
            "created_by": NAMES,
            "base_version": [-1, 1.5, "x", 2**31, [], True],
            "fencing_token": TYPED,
            "execution_id": OPTIONAL_NAMES,
        }
        for kind, argument in (
            ("requirements", "requirements"),
            ("interfaces", "interfaces"),
            ("design", "design_data"),
        )
    },
    "record_dependency": {
        "subsystem": NAMES,
        "on_subsystem": [*NAMES, "skeleton"],
        "document": ["", "designs", "Interfaces", None, 5],
        "agent_name": NAMES,
        "version": [-1, 1.5, "x", 2**31, [], True],
        "execution_id": OPTIONAL_NAMES,
    },
    "remove_dependency": {
        "subsystem": NAMES,
        "on_subsystem": [*NAMES, "skeleton"],
        "document": ["", "designs", "Interfaces", None, 5],
        "agent_name": NAMES,
        "execution_id": OPTIONAL_NAMES,
    },
    "update_global_constraints": {
        "constraints": [
            *OBJECTS,
            *({key: value} for key in CONSTRAINTS for value in CONSTRAINTS[key]),
        ],
        "created_by": NAMES,
        "base_version": [-1, 1.5, "x", 2**31, [], True],
        "execution_id": OPTIONAL_NAMES,
    },
    "transfer_budget": {
        "from_subsystem": NAMES,
        "to_subsystem": [*NAMES, "reserve", "unheard-of"],
        "mass_kg": MOVED,
        "cost_usd": MOVED,
        "power_w": MOVED,
        "reason": TEXTS,
        "agent_name": OPTIONAL_NAMES,
        "reservation_id": ["", "no-uuid", 5, [], {}],
        "execution_id": OPTIONAL_NAMES,
    },
    "reserve_budget": {
        "subsystem": [*NAMES, "unheard-of"],
        "agent_name": NAMES,
        "execution_id": NAMES,
        "mass_kg": MOVED,
        "cost_usd": MOVED,
        "power_w": MOVED,
        "ttl_seconds": TTLS,
        "fencing_token": TYPED,
        "locked_subsystem": OPTIONAL_NAMES,
    },
    "release_budget": {
        "reservation_id": ["", "no-uuid", 5, [], {}, None],
        "execution_id": NAMES,
    },
    "log_conflict": {
        "severity": ["", "HIGH", "urgent", None, 1, [], "high "],
        "source": NAMES,
        "target": NAMES,
        "description": TEXTS,
        "details": DOCUMENTS,
        "priority": PRIORITIES,
        "blocks": LISTS,
        "execution_id": OPTIONAL_NAMES,
        "conflict_key": [*LABELS, "sharedstate:budget", "sharedstate:"],
    },
    "resolve_conflict": {
        "conflict_id": [*TYPED, None],
        "resolution": TEXTS,
        "resolved_by": NAMES,
        "budget_transfer": [
            *DOCUMENTS,
            {},
            {"from_subsystem": "reserve"},
            {"to_subsystem": "reserve"},
            TRANSFER,
            {**TRANSFER, "mass_kg": 0},
            {**TRANSFER, "mass_kg": 1, "surprise": 1},
            {**TRANSFER, "mass_kg": 1, "to_subsystem": "reserve"},
            *({**TRANSFER, "from_subsystem": name} for name in NAMES),
            *({**TRANSFER, "to_subsystem": name} for name in NAMES),
            *(
                {**TRANSFER, quantity: amount}
                for quantity in ("mass_kg", "cost_usd", "power_w")
                for amount in AMOUNTS
            ),
        ],
        "execution_id": OPTIONAL_NAMES,
    },
    "add_conflict_note": {
        "conflict_id": [*TYPED, None],
        "agent_name": NAMES,
        "note": TEXTS,
        "execution_id": OPTIONAL_NAMES,
    },
    "reassign_conflict": {
        "conflict_id": [*TYPED, None],
        "target_agent": NAMES,
        "agent_name": NAMES,
        "reason": TEXTS,
        "execution_id": OPTIONAL_NAMES,
    },
    "reopen_conflict": {
        "conflict_id": [*TYPED, None],
        "agent_name": NAMES,
        "reason": TEXTS,
        "execution_id": OPTIONAL_NAMES,
    },
    "log_agent_activity": {
        "agent_name": NAMES,
        "activity": [*LABELS, None],
        "details": OBJECTS,
        "execution_id": OPTIONAL_NAMES,
    },
    "log_agent_activities": {
        "entries": [
            *OBJECTS,
            {},
            [],
            [None],
            [[]],
            [{}],
            [ENTRY] * 1001,
            [ENTRY, {**ENTRY, "detail": {}}],
            [ENTRY, {**ENTRY, "agent_name": 5}],
            *([ENTRY, {**ENTRY, "agent_name": name}] for name in NAMES),
            *([{**ENTRY, "activity": label}] for label in [*LABELS, None, 5]),
            *([{**ENTRY, "details": details}] for details in OBJECTS),
        ],
        "execution_id": OPTIONAL_NAMES,
    },
    "prune_activity": {
        "older_than": ["2199-01-01T00:00:00Z", "infinity", "soon", "", None, [], True],
        "limit_count": [0, -1, 100_001, 1.5, "x", None, 2**31, [], True],
    },
    "checkout_subsystem": {
        "subsystem": NAMES,
        "agent_name": NAMES,
        "execution_id": NAMES,
        "ttl_seconds": TTLS,
        "reads": LISTS,
        "reads_requirements": LISTS,
        "fencing_token": TYPED,
    },
    "checkin_subsystem": {
        "subsystem": NAMES,
        "agent_name": NAMES,
        "execution_id": NAMES,
        "fencing_token": [*TYPED, None],
        "status": [*OBJECTS, *({key: value} for key in STATUS for value in STATUS[key])],
        "interfaces": DOCUMENTS,
        "design_data": DOCUMENTS,
        "activity": LABELS,
        "details": OBJECTS,
        "release": BOOLEANS,
        "strict": BOOLEANS,
        "accept_stale": [text for text in TEXTS if text is not None],
    },
    "release_execution": {"execution_id": NAMES},
    "init_workspace": {"workspace_name": NAMES, "with_defaults": BOOLEANS},
    "import_state": {
        "document": [
            *OBJECTS,
            {},
            *(
                {"format": "sharedstate/1", section: value}
                for section in SECTIONS
                for value in SECTIONS[section]
            ),
        ]
    },
}
for _arguments in BAD.values():
    _arguments["request_id"] = REQUEST_IDS
for _name in ("wait_for_lock", "cancel_lock_request"):
    BAD[_name]["request_id"] = [*REQUEST_IDS, None]
