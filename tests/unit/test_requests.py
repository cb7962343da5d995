"""What each method sends, and what it makes of the answer."""

from __future__ import annotations

import inspect
import json
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import httpx
import pytest
import respx
from tests.unit.cases import ID, ROW, Case
from tests.unit.shared_cases import SHARED_CASES
from tests.unit.subsystem_cases import SUBSYSTEM_CASES

from sharedstate import SharedState, errors

FUNCTIONS = [*SUBSYSTEM_CASES, *SHARED_CASES]


@pytest.mark.parametrize("case", FUNCTIONS, ids=str)
def test_a_function_is_called_with_its_parameters_by_name(
    case: Case, client: SharedState, service: respx.MockRouter
) -> None:
    route = service.post(f"rpc/{case.function or case.method}").respond(
        content=json.dumps(case.answer), content_type="application/json"
    )
    options = {**case.options, "request_id": ID} if case.mutates else case.options
    result = getattr(client, case.method)(*case.arguments, **options)
    sent = json.loads(route.calls.last.request.content)
    assert sent == ({**case.sent, "request_id": ID} if case.mutates else case.sent)
    assert result == case.result


JSON = {"content-type": "application/json"}
VERSIONED = "&order=version.desc"
READS: list[tuple[str, tuple[Any, ...], str, bool]] = [
    ("get_lock", ("subsystem", "a/b"),
     "agent_locks?resource_type=eq.subsystem&resource_name=eq.a/b&expires_at=gt.now", True),
    ("get_subsystem_status", ("skeleton",), "subsystems?name=eq.skeleton", True),
    ("get_all_subsystem_statuses", (), "subsystems?order=name.asc", False),
    ("get_system_status", (), "system_status?order=name.asc", False),
    ("get_global_constraints", (), f"global_constraints?limit=1{VERSIONED}", True),
    ("get_global_constraints", (3,), "global_constraints?version=eq.3", True),
    ("get_global_constraints_history", (), f"global_constraints?limit=50{VERSIONED}", False),
    ("get_global_constraints_history", (9, 4),
     f"global_constraints?version=lt.4&limit=9{VERSIONED}", False),
    ("get_budget_usage", (), "budget_usage?order=scope.asc,name.asc,quantity.asc", False),
    ("get_budget_usage", ("skeleton",),
     "budget_usage?name=eq.skeleton&order=scope.asc,name.asc,quantity.asc", False),
    ("get_dependencies", (),
     "document_dependencies?order=subsystem.asc,on_subsystem.asc,document.asc", False),
    ("get_dependencies", ("skeleton",), "document_dependencies?subsystem=eq.skeleton&order="
     "subsystem.asc,on_subsystem.asc,document.asc", False),
]  # fmt: skip
for _kind, _table in (("requirements",) * 2, ("interfaces",) * 2, ("design", "designs")):
    _rows = f"subsystem_{_table}?subsystem_name=eq.shell"
    READS += [
        (f"get_subsystem_{_kind}", ("shell",), f"{_rows}&limit=1{VERSIONED}", True),
        (f"get_subsystem_{_kind}", ("shell", 2), f"{_rows}&version=eq.2", True),
        (f"get_subsystem_{_kind}_history", ("shell", 5), f"{_rows}&limit=5{VERSIONED}", False),
        (f"get_subsystem_{_kind}_history", ("shell", 5, 9),
         f"{_rows}&version=lt.9&limit=5{VERSIONED}", False),
    ]  # fmt: skip


@pytest.mark.parametrize(("method", "arguments", "target", "single"), READS)
def test_a_table_is_read_in_the_own_workspace_only(
    method: str,
    arguments: tuple[Any, ...],
    target: str,
    single: bool,
    client: SharedState,
    service: respx.MockRouter,
) -> None:
    table, _, query = target.partition("?")
    route = service.get(table).respond(json=[ROW])
    assert getattr(client, method)(*arguments) == (ROW if single else [ROW])
    sent = dict(parse_qsl(route.calls.last.request.url.query.decode()))
    assert sent == {"select": "*", "workspace": "eq.robot", **dict(parse_qsl(query))}
    service.get(table).respond(json=[])
    assert getattr(client, method)(*arguments) == (None if single else [])


def test_every_public_method_is_tested_here() -> None:
    tested = {case.method for case in FUNCTIONS} | {method for method, *_ in READS}
    methods = {
        name
        for name, _ in inspect.getmembers(SharedState, inspect.isfunction)
        if not name.startswith("_")
    }
    elsewhere = {"acquire_locks", "wait_for_lock", "cancel_lock_request", "get_lock_status"}
    elsewhere.add("prune_activity")
    makers = {"lock", "locks", "follow_activity"}
    editors = {f"edit_{one}" for one in ("requirements", "interfaces", "design")}
    editors.add("edit_global_constraints")
    others = {"close", "set_key", "for_execution", "for_token"}
    assert methods - tested == others | elsewhere | makers | editors


def test_each_request_names_key_and_workspace(
    client: SharedState, service: respx.MockRouter
) -> None:
    route = service.post("rpc/health").respond(json={"status": "ok"})
    client.health()
    headers = route.calls.last.request.headers
    assert headers["apikey"] == "an-opaque-key"
    assert headers["authorization"] == "Bearer an-opaque-key"
    assert headers["x-workspace"] == "robot"
    assert headers["content-type"] == "application/json"
    assert headers["host"] == "service.test"


def test_a_mutation_without_request_id_gets_a_new_one_each_time(
    client: SharedState, service: respx.MockRouter
) -> None:
    route = service.post("rpc/log_agent_activity").respond(json=ROW)
    for _ in range(2):
        client.log_agent_activity("power_agent", "started")
    first, second = (UUID(json.loads(call.request.content)["request_id"]) for call in route.calls)
    assert first != second


@pytest.mark.parametrize(
    "time", ["2026-11-22T19:40:44Z", "2026-11-22 19:40:44.0318+00", "2026-11-22T19:40:44+01:00"]
)
def test_a_time_with_a_zone_is_sent_as_it_was_given(
    time: str, client: SharedState, service: respx.MockRouter
) -> None:
    route = service.post("rpc/get_recent_activity").respond(json=[])
    client.get_recent_activity(since=time)
    assert json.loads(route.calls.last.request.content)["since"] == time


@pytest.mark.parametrize(
    "content", [b"", b"<html>welcome</html>", b"[]", b"5", b'{"conflict_id": null}', b"[[", b"nul"]
)
def test_an_answer_that_makes_no_sense_leaves_a_mutation_open(
    content: bytes, client: SharedState, service: respx.MockRouter
) -> None:
    service.post("rpc/log_conflict").mock(
        return_value=httpx.Response(200, content=content, headers=JSON)
    )
    with pytest.raises(errors.OutcomeUnknown) as caught:
        client.log_conflict("low", "a", "b", "c", request_id=ID)
    assert caught.value.request_id == ID
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("content", [b"", b"<html>welcome</html>", b"{}", b"5"])
def test_an_answer_that_makes_no_sense_fails_a_read(
    content: bytes, client: SharedState, service: respx.MockRouter
) -> None:
    service.get("subsystems").mock(return_value=httpx.Response(200, content=content, headers=JSON))
    with pytest.raises(errors.UnexpectedError, match="cannot be read"):
        client.get_subsystem_status("skeleton")


def test_a_page_that_is_no_json_does_not_pass_for_an_answer(
    client: SharedState, service: respx.MockRouter
) -> None:
    service.post("rpc/schema_version").respond(html="<h1>Welcome</h1>")
    with pytest.raises(errors.UnexpectedError, match="cannot be read"):
        client.schema_version()


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"version": 1' + "0" * 5000 + "}"])
def test_an_answer_that_python_cannot_hold_is_no_fault_of_the_arguments(
    deep: str, client: SharedState, service: respx.MockRouter
) -> None:
    route = service.post("rpc/checkout_subsystem").respond(content=deep.encode(), headers=JSON)
    with pytest.raises(errors.OutcomeUnknown, match="cannot be read"):
        client.checkout_subsystem("skeleton", "agent")
    assert route.call_count == 1
