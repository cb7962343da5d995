"""Bad input: a clear 400 that names the argument, and nothing changed."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from tests.sql.bad_values import BAD, CASTS
from tests.sql.mutations import CALL_BY_NAME
from tests.sql.support import Api, Row


def without_values(value: Any) -> str:
    return json.dumps(value)[:80]


def check(api: Api, function: str, argument: str, value: Any, arguments: Row) -> None:
    """The call must be refused, by our own check with the argument's name or by a cast."""
    mutation = CALL_BY_NAME[function]
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


@pytest.mark.parametrize("function", BAD)
def test_a_bad_value_is_refused_and_changes_nothing(
    api: Api, subtests: pytest.Subtests, function: str
) -> None:
    arguments = CALL_BY_NAME[function].ready(api)
    before = api.snapshot()
    for argument, values in BAD[function].items():
        with subtests.test(argument):
            for value in values:
                check(api, function, argument, value, arguments)
    assert api.snapshot() == before
    # The rest of the call was in order: it is the value that was refused.
    api.do(function, key=CALL_BY_NAME[function].key(api), **arguments)


@pytest.mark.parametrize("function", CALL_BY_NAME)
def test_a_missing_or_unknown_argument_finds_no_function(api: Api, function: str) -> None:
    mutation = CALL_BY_NAME[function]
    arguments = mutation.ready(api)
    before = api.snapshot()
    needed = [name for name in arguments if name not in ("ttl_seconds", "reads", "with_defaults")]
    absent = {name: arguments[name] for name in arguments if name != needed[0]}
    for call in (absent, {**arguments, "surprise": 1}):
        status, answer = api.call(function, key=mutation.key(api), **call)
        assert (status, answer["code"]) == (404, "PGRST202"), (call, answer)
    assert api.snapshot() == before


def test_a_call_that_waits_needs_a_request_id(api: Api) -> None:
    for function in ("acquire_lock", "acquire_locks"):
        arguments = CALL_BY_NAME[function].arguments
        detail = api.refused(function, "invalid_argument", **arguments, wait_seconds=1)
        assert (detail["argument"], detail["reason"]) == ("request_id", "is missing")
    assert api.rows("agent_locks") == []


@pytest.mark.parametrize("seconds", [0, 0.001, 0.5, 86_400])
def test_waits_at_the_edges_are_accepted(api: Api, seconds: float) -> None:
    arguments = CALL_BY_NAME["acquire_lock"].arguments
    row = api.do(
        "acquire_lock", **arguments, wait_seconds=seconds, request_id=str(uuid.uuid4()), priority=1
    )
    assert len(row) == 1


@pytest.mark.parametrize("name", ["", "a ", "x" * 129, "e\u0301"])
def test_the_status_of_a_lock_with_an_invalid_name_is_free(api: Api, name: str) -> None:
    status = api.do("get_lock_status", resource_type=name, resource_name=name)
    assert (status["holder"], status["queue"]) == (None, [])


@pytest.mark.parametrize("name", ["", "a ", "x" * 129, "e\u0301"])
def test_conflicts_of_an_invalid_agent_name_are_an_error_and_not_an_empty_list(
    api: Api, name: str
) -> None:
    detail = api.refused("get_active_conflicts", "invalid_argument", agent_name=name)
    assert detail["argument"] == "agent_name"


START = b'{"subsystem": "skeleton", "execution_id": "x", "status": {'
BODIES = {
    "nothing": b"",
    "no JSON": b"{subsystem: skeleton}",
    "a string": b'"skeleton"',
    "cut off": START + b'"sta',
    "NaN": START + b'"current_mass_kg": NaN}}',
    "Infinity": START + b'"iteration": Infinity}}',
    "1e400": START + b'"current_mass_kg": 1e400}}',
    "1e999999": START + b'"m": 1e999999}}',
    "1e400 in metadata": START + b'"metadata": {"a": [-1e400]}}}',
    "1e-400": START + b'"m": 1e-400}}',
    "no UTF-8": START + b'"state": "\xff\xfe"}}',
    "NUL": START + b'"state": "a\\u0000b"}}',
    "half a surrogate": START + b'"a": "\\ud800"}}',
    "nested too deep": START + b'"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
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
    "mass", [0, 0.001, 999_999_999_999.999, 1e-6], ids=lambda mass: f"{mass} kg"
)
def test_amounts_at_the_edges_are_accepted(api: Api, mass: float) -> None:
    row = api.do(
        "update_subsystem_status",
        subsystem="skeleton",
        status={"current_mass_kg": mass},
        execution_id="x",
    )
    assert row["current_mass_kg"] == mass


def test_numbers_and_depth_at_the_edges_are_accepted_and_read_again(api: Api) -> None:
    numbers = [1e308, -1e308, 1e-307, 0, 0.1, 2**63]
    document: dict[str, Any] = {"numbers": numbers}
    for _ in range(198):
        document = {"d": document}
    row = api.do(
        "update_subsystem_design",
        subsystem="skeleton",
        design_data=document,
        created_by="skeleton_agent",
    )
    (kept,) = api.rows("subsystem_designs", select="design_data")
    assert kept["design_data"] == row["design_data"]
    innermost = kept["design_data"]
    while "d" in innermost:
        innermost = innermost["d"]
    # 1e308 comes back as a whole number with all of its digits.
    assert [float(number) for number in innermost["numbers"]] == numbers


def test_an_error_quotes_at_most_200_characters_of_a_wrong_value(api: Api) -> None:
    status = {"current_mass_kg": "x" * 3_000_000}
    detail = api.refused(
        "update_subsystem_status", "invalid_argument",
        subsystem="skeleton", status=status, execution_id="x",
    )  # fmt: skip
    assert detail["argument"] == "status.current_mass_kg"
    assert len(detail["value"]) == 200


@pytest.mark.parametrize("state", ["ü", "設計中", "🦾", "a\u200bb", "\u2800.", " in review "])
def test_labels_in_any_language_are_accepted(api: Api, state: str) -> None:
    row = api.do(
        "update_subsystem_status", subsystem="skeleton", status={"state": state}, execution_id="x"
    )
    assert row["state"] == state


def test_texts_may_have_lines_and_columns_also_those_of_windows(api: Api) -> None:
    text = "200 W too much:\n\tmotors\t150\r\n\tfans\t50\r\nü 🦾\u200d"
    row = api.do(
        "log_conflict", severity="low", source="power_agent", target="x_agent", description=text
    )
    assert row["description"] == text


@pytest.mark.parametrize("name", ["a", "9", "x" * 128, "A.b:c@d/e-f_g", "run/2026-11-22"])
def test_names_at_the_edges_are_accepted(api: Api, name: str) -> None:
    lease = api.lock(name, name, name)
    assert lease["resource_name"] == lease["locked_by"] == lease["execution_id"] == name


@pytest.mark.parametrize("seconds", [1, 86_400])
def test_times_to_live_at_the_edges_are_accepted(api: Api, seconds: int) -> None:
    assert api.lock(ttl_seconds=seconds)["ttl_seconds"] == seconds
