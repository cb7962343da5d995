"""Bad input: a clear 400 that names the argument, and nothing changed. Every function and argument."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sql.support import MUTATION_BY_NAME, MUTATIONS, Api, Row

NAMES = ["", " ", "a b", "-x", "_x", "x" * 129, "ünï", "a\nb", "x\r\nX-Evil: 1", "a;b", [], {}, None]
OPTIONAL_NAMES = [value for value in NAMES if value is not None]
LABELS = ["", "x" * 201, "a\nb", "\t", "\x1b[31m", "\x7f"]
TEXTS = ["", "   ", "x" * 10_001, None]
OBJECTS = [[], "text", 5, True, None]
DOCUMENTS = [[], "text", 5, True]
AMOUNTS = [-1, -0.001, 10**12, "NaN", "12", True, None, [], {}]
BOOLEANS = ["maybe", 5, [], None]
WHOLE = [-1, 1.5, "x", 2**31, 10**20, True, []]
LISTS = [[""], [None], ["a b"], [["a"], ["b"]], 5, {}, ["x"] * 1001]
TTLS = [0, -1, 86_401, 1.5, "long", None, 2**31, 10**20, [], True]
# What Postgres itself refuses when it makes a number, uuid or list of a JSON value.
CASTS = {"22P02", "22003", "22P05", "22P03", "42804"}
TYPED = [1.5, "x", 2**63, [], True]
REQUEST_IDS = ["", "no-uuid", 5, [], "00000000-0000-0000-0000-00000000000g"]

STATUS: Row = {
    "name": ["power", 5, None],
    "state": ["", 5, None, "x" * 201, "a\nb", []],
    "current_mass_kg": AMOUNTS,
    "current_cost_usd": AMOUNTS,
    "current_power_w": AMOUNTS,
    "iteration": [*WHOLE, None],
    "within_budget": ["yes", 1, []],
    "version": ["1", -1, 1.5, [], True],
    "metadata": [[], "text", 5, None],
}
CONSTRAINTS: Row = {
    **dict.fromkeys(
        ["total_mass_kg_max", "total_cost_usd_max", "height_m", "voltage_v"],
        [value for value in AMOUNTS if value is not None],
    ),
    "budget_allocations": [
        *OBJECTS,
        {"": {}},
        {"a b": {}},
        {"skeleton": 5},
        {"skeleton": None},
        *({"skeleton": {key: value}} for key in ("mass_kg", "cost_usd") for value in AMOUNTS),
        {"skeleton": {"power_w": -1}},
    ],
    "metadata": [[], "text", 5, None],
}
KEY = "00000000-0000-0000-0000-000000000001"
SECTIONS: Row = {
    "format": [None, "", "sharedstate/2", 1, []],
    "surprise": [[]],
    "subsystems": [
        *({}, "text", 5, None, ["x"], [5], [[]]),
        *([{"name": name}] for name in ("", "a b", None, 5 * "x y")),
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
            [{"subsystem_name": "x", column: {}, "created_by": "a b"}],
        ]
        for table, column in (
            ("subsystem_requirements", "requirements"),
            ("subsystem_interfaces", "interfaces"),
            ("subsystem_designs", "design_data"),
        )
    },
    "conflicts": [
        [{"conflict_id": 1}],
        *(
            [
                {
                    "conflict_id": 1,
                    "severity": "low",
                    "source_agent": "a",
                    "target_agent": "b",
                    "description": "x",
                    **wrong,
                }
            ]
            for wrong in (
                {"conflict_id": None},
                {"conflict_id": 0},
                {"severity": "urgent"},
                {"priority": 5},
                {"source_agent": "a b"},
                {"status": "closed"},
                {"status": "resolved"},
                {"resolution": "open, yet resolved", "resolved_at": "2026-01-01T00:00:00Z"},
                {"details": []},
            )
        ),
    ],
    "agent_activity_logs": [
        [{"agent_name": "a", "activity": "b"}],
        [{"agent_name": "a", "activity": "b", "import_key": None}],
        [{"agent_name": "a", "activity": "b", "import_key": "x"}],
        [{"agent_name": "a b", "activity": "b", "import_key": KEY}],
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

BAD: dict[str, dict[str, list[Any]]] = {
    "acquire_lock": {
        "resource_type": NAMES,
        "resource_name": NAMES,
        "agent_name": NAMES,
        "execution_id": NAMES,
        "ttl_seconds": TTLS,
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
        "fencing_token": TYPED,
    },
    **{
        f"update_subsystem_{kind}": {
            "subsystem": NAMES,
            argument: OBJECTS,
            "created_by": NAMES,
            "base_version": [1.5, "x", 2**31, [], True],
            "fencing_token": TYPED,
            "execution_id": OPTIONAL_NAMES,
        }
        for kind, argument in (
            ("requirements", "requirements"),
            ("interfaces", "interfaces"),
            ("design", "design_data"),
        )
    },
    "update_global_constraints": {
        "constraints": [
            *OBJECTS,
            *({key: value} for key in CONSTRAINTS for value in CONSTRAINTS[key]),
        ],
        "created_by": NAMES,
        "base_version": [1.5, "x", 2**31, [], True],
        "execution_id": OPTIONAL_NAMES,
    },
    "log_conflict": {
        "severity": ["", "HIGH", "urgent", None, 1, [], "high "],
        "source": NAMES,
        "target": NAMES,
        "description": TEXTS,
        "details": OBJECTS,
        "priority": [0, 5, -1, 2.5, "high", None, 2**31, True],
        "blocks": LISTS,
        "execution_id": OPTIONAL_NAMES,
    },
    "resolve_conflict": {
        "conflict_id": [*TYPED, None],
        "resolution": TEXTS,
        "resolved_by": NAMES,
        "execution_id": OPTIONAL_NAMES,
    },
    "log_agent_activity": {
        "agent_name": NAMES,
        "activity": [*LABELS, None],
        "details": OBJECTS,
        "execution_id": OPTIONAL_NAMES,
    },
    "checkout_subsystem": {
        "subsystem": NAMES,
        "agent_name": NAMES,
        "execution_id": NAMES,
        "ttl_seconds": TTLS,
        "reads": LISTS,
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
    },
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


def cases() -> Iterator[Any]:
    for function, arguments in BAD.items():
        for argument, values in arguments.items():
            yield pytest.param(function, argument, values, id=f"{function}-{argument}")


def without_values(value: Any) -> str:
    return json.dumps(value)[:80]


def check(api: Api, function: str, argument: str, value: Any, arguments: Row) -> None:
    """The call must be refused, by our own check with the argument's name or by a cast."""
    mutation = MUTATION_BY_NAME[function]
    call = {**arguments, argument: value}
    status, answer = api.call(function, key=mutation.key(api), **call)
    assert status == 400, (without_values(value), status, answer)
    if answer["message"] != "invalid_argument":
        assert answer["code"] in CASTS, (without_values(value), answer)
        return
    detail = json.loads(answer["details"])
    assert detail["argument"].split(".")[0] == argument, (without_values(value), answer)
    assert detail["reason"], answer
    assert answer["hint"], answer


def test_every_argument_of_every_mutating_function_has_bad_values_here(api: Api) -> None:
    found = api.sql(
        "select proname, proargnames[1:pronargs] from pg_proc "
        "where pronamespace = 'public'::regnamespace and 'request_id' = any(proargnames)"
    )
    assert {name: set(arguments) for name, arguments in found} == {
        name: set(arguments) for name, arguments in BAD.items()
    }


@pytest.mark.parametrize(("function", "argument", "values"), list(cases()))
def test_a_bad_value_is_refused_and_changes_nothing(
    api: Api, function: str, argument: str, values: list[Any]
) -> None:
    arguments = MUTATION_BY_NAME[function].ready(api)
    before = api.snapshot()
    for value in values:
        check(api, function, argument, value, arguments)
    assert api.snapshot() == before
    # The rest of the call was in order: it is the value that was refused.
    api.do(function, key=MUTATION_BY_NAME[function].key(api), **arguments)


@pytest.mark.parametrize("function", [mutation.name for mutation in MUTATIONS])
def test_a_missing_or_unknown_argument_finds_no_function(api: Api, function: str) -> None:
    mutation = MUTATION_BY_NAME[function]
    arguments = mutation.ready(api)
    before = api.snapshot()
    needed = [name for name in arguments if name not in ("ttl_seconds", "reads", "with_defaults")]
    absent = {name: arguments[name] for name in arguments if name != needed[0]}
    for call in (absent, {**arguments, "surprise": 1}):
        status, answer = api.call(function, key=mutation.key(api), **call)
        assert (status, answer["code"]) == (404, "PGRST202"), (call, answer)
    assert api.snapshot() == before


@pytest.mark.parametrize("name", ["", "a b", "x" * 129, "'; drop table conflicts; --"])
def test_asking_for_conflicts_of_an_impossible_agent_finds_none(api: Api, name: str) -> None:
    api.do("log_conflict", severity="low", source="a", target="b", description="?")
    assert api.do("get_active_conflicts", agent_name=name) == []


BODIES = {
    "nothing": b"",
    "no JSON": b"{subsystem: skeleton}",
    "cut off": b'{"subsystem": "skeleton", "status": {"sta',
    "NaN": b'{"subsystem": "skeleton", "execution_id": "x", "status": {"current_mass_kg": NaN}}',
    "Infinity": b'{"subsystem": "skeleton", "execution_id": "x", "status": {"iteration": Infinity}}',
    "1e400": b'{"subsystem": "skeleton", "execution_id": "x", "status": {"current_mass_kg": 1e400}}',
    "1e999999": b'{"subsystem": "skeleton", "execution_id": "x", "status": {"m": 1e999999}}',
    "no UTF-8": b'{"subsystem": "skeleton", "execution_id": "x", "status": {"state": "\xff\xfe"}}',
    "NUL": b'{"subsystem": "skeleton", "execution_id": "x", "status": {"state": "a\\u0000b"}}',
    "half a surrogate": b'{"subsystem": "skeleton", "execution_id": "x", "status": {"a": "\\ud800"}}',
    "a string": b'"skeleton"',
    "nested too deep": b'{"subsystem": "s", "execution_id": "x", "status": {"a": '
    + b"[" * 100_000
    + b"]" * 100_000
    + b"}}",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_broken_body_is_refused_and_changes_nothing(api: Api, body: bytes) -> None:
    before = api.snapshot()
    answer = api.http.post(
        "/rpc/update_subsystem_status",
        content=body,
        headers=api.headers(more={"content-type": "application/json"}),
    )
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["message"]
    assert api.snapshot() == before


def test_a_body_of_50_mb_is_refused_by_the_gateway_and_changes_nothing(api: Api) -> None:
    before = api.snapshot()
    status, answer = api.call(
        "update_subsystem_design",
        subsystem="skeleton",
        design_data={"text": "x" * 50_000_000},
        created_by="skeleton_agent",
    )
    assert (status, answer["message"]) == (413, "payload_too_large")
    assert api.snapshot() == before


def test_a_document_of_9_mb_is_accepted(api: Api) -> None:
    row = api.do(
        "update_subsystem_design",
        subsystem="skeleton",
        design_data={"text": "x" * 9_000_000},
        created_by="skeleton_agent",
    )
    assert len(row["design_data"]["text"]) == 9_000_000


def test_a_line_break_in_a_value_does_not_reach_the_status_line(api: Api) -> None:
    answer = api.http.post(
        "/rpc/log_agent_activity",
        json={"agent_name": "a\r\nX-Evil: 1", "activity": "b"},
        headers=api.headers(),
    )
    assert "x-evil" not in answer.headers
    assert answer.json()["message"] == "invalid_argument"


@pytest.mark.parametrize(
    "mass", [0, 0.001, 999_999_999_999.999, 1e-9], ids=lambda mass: f"{mass} kg"
)
def test_amounts_at_the_edges_are_accepted(api: Api, mass: float) -> None:
    row = api.do(
        "update_subsystem_status",
        subsystem="skeleton",
        status={"current_mass_kg": mass},
        execution_id="x",
    )
    assert row["current_mass_kg"] == mass


@pytest.mark.parametrize("name", ["a", "9", "x" * 128, "A.b:c@d/e-f_g", "run/2026-11-22"])
def test_names_at_the_edges_are_accepted(api: Api, name: str) -> None:
    lease = api.lock(name, name, name)
    assert lease["resource_name"] == lease["locked_by"] == lease["execution_id"] == name


@pytest.mark.parametrize("seconds", [1, 86_400])
def test_times_to_live_at_the_edges_are_accepted(api: Api, seconds: int) -> None:
    assert api.lock(ttl_seconds=seconds)["ttl_seconds"] == seconds
