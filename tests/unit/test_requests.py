"""What each method sends, and what it makes of the answer."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import httpx
import pytest
import respx

from sharedstate import Blocked, Checkin, Checkout, Lease, SharedState, errors
from sharedstate.reservations import BudgetReservation

ID = "7d1d9a52-33a4-4f0f-8d7e-0c4b6f2f9a10"
LOCK = {
    "workspace": "robot",
    "resource_type": "subsystem",
    "resource_name": "skeleton",
    "locked_by": "skeleton_agent",
    "execution_id": "my-run",
    "locked_at": "2026-11-22T19:35:44.0318+00:00",
    "expires_at": "2026-11-22T19:40:44.0318+00:00",
    "ttl_seconds": 300,
    "fencing_token": 17,
    "request_id": ID,
    "provisional": False,
}
LEASE = Lease(
    resource_type="subsystem",
    resource_name="skeleton",
    agent_name="skeleton_agent",
    execution_id="my-run",
    fencing_token=17,
    expires_at=datetime(2026, 11, 22, 19, 40, 44, 31800, UTC),
    request_id=ID,
)
ROW = {"workspace": "robot", "version": 3}
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
COMPOSITE = {
    "lease": LOCK,
    "status": ROW,
    "requirements": None,
    "interfaces": ROW,
    "design": None,
    "constraints": ROW,
    "inputs": [ROW],
    "input_requirements": [],
    "conflicts": [],
}


@dataclass
class Case:
    """A method called with arguments, what it must send to a function, and its result."""

    method: str
    arguments: tuple[Any, ...]
    sent: dict[str, Any]
    answer: Any
    result: Any
    options: dict[str, Any] = field(default_factory=dict)
    mutates: bool = True
    function: str = ""

    def __str__(self) -> str:
        return f"{self.method}-{'none' if self.result is None else 'some'}"


def _document(kind: str, key: str) -> Case:
    return Case(
        f"update_subsystem_{kind}",
        ("skeleton", {"joints": 10}, "skeleton_agent"),
        {
            "subsystem": "skeleton",
            key: {"joints": 10},
            "created_by": "skeleton_agent",
            "base_version": 2,
            "fencing_token": 17,
            "execution_id": "my-run",
        },
        ROW,
        ROW,
        {"base_version": 2, "fencing_token": 17},
    )


TRANSFER = {"from_subsystem": "reserve", "to_subsystem": "power", "mass_kg": 1.5}
LOCKING = ("subsystem", "skeleton", "skeleton_agent")
ACQUIRE = {
    "resource_type": "subsystem",
    "resource_name": "skeleton",
    "agent_name": "skeleton_agent",
    "execution_id": "my-run",
    "ttl_seconds": 300,
    "wait_seconds": 0,
    "priority": 3,
}
RELEASE = {
    "resource_type": "subsystem",
    "resource_name": "skeleton",
    "execution_id": "my-run",
    "fencing_token": None,
}
CHECKOUT = {
    "subsystem": "skeleton",
    "agent_name": "skeleton_agent",
    "execution_id": "my-run",
    "ttl_seconds": 60,
    "reads": ["power", "shell"],
    "reads_requirements": [],
}
DEPENDENCY = {
    "subsystem": "skeleton",
    "on_subsystem": "power",
    "document": "interfaces",
    "agent_name": "skeleton_agent",
    "execution_id": "my-run",
}
FUNCTIONS = [
    Case("acquire_lock", LOCKING, ACQUIRE, LOCK, LEASE),
    Case("acquire_lock", LOCKING, ACQUIRE, None, None),
    Case("acquire_lock", LOCKING, ACQUIRE, dict.fromkeys(LOCK), None),
    Case(
        "renew_lock",
        ("subsystem", "skeleton", 60),
        {**RELEASE, "fencing_token": 17, "ttl_seconds": 60},
        LOCK,
        LEASE,
        {"fencing_token": 17},
    ),
    Case("release_lock", ("subsystem", "skeleton"), RELEASE, LOCK, True),
    Case("release_lock", ("subsystem", "skeleton"), RELEASE, None, False),
    Case(
        "force_release_lock",
        ("subsystem", "skeleton", "operator", "it hangs"),
        {
            "resource_type": "subsystem",
            "resource_name": "skeleton",
            "released_by": "operator",
            "reason": "it hangs",
        },
        LOCK,
        LOCK,
    ),
    Case("cleanup_expired_locks", (), {}, 4, 4, mutates=False),
    Case(
        "update_subsystem_status",
        ("skeleton", {"state": "designing"}),
        {
            "subsystem": "skeleton",
            "status": {"state": "designing"},
            "execution_id": "my-run",
            "fencing_token": None,
            "strict": False,
        },
        ROW,
        ROW,
    ),
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
    _document("requirements", "requirements"),
    _document("interfaces", "interfaces"),
    _document("design", "design_data"),
    *(
        Case(
            f"diff_subsystem_{kind}",
            ("skeleton", 1, 3),
            {"subsystem": "skeleton", "document": kind, "from_version": 1, "to_version": 3},
            [ROW],
            [ROW],
            mutates=False,
            function="diff_documents",
        )
        for kind in ("requirements", "interfaces", "design")
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
        "record_dependency",
        ("skeleton", "power", "interfaces", "skeleton_agent", 2),
        {**DEPENDENCY, "version": 2},
        ROW,
        ROW,
    ),
    Case(
        "remove_dependency",
        ("skeleton", "power", "interfaces", "skeleton_agent"),
        DEPENDENCY,
        [ROW],
        True,
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
        {"agent_name": "power_agent", "wait_ms": 500},
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
    Case(
        "checkout_subsystem",
        ("skeleton", "skeleton_agent", 60),
        CHECKOUT,
        [COMPOSITE],
        Checkout(LEASE, ROW, None, ROW, None, ROW, [ROW], [], []),  # type: ignore[arg-type,list-item]
        {"reads": ("power", "shell")},
    ),
    Case(
        "checkout_subsystem",
        ("skeleton", "skeleton_agent", 60),
        CHECKOUT,
        [],
        None,
        {"reads": ["power", "shell"]},
    ),
    Case(
        "checkout_subsystem",
        ("skeleton", "skeleton_agent", 60),
        CHECKOUT,
        [{**dict.fromkeys(COMPOSITE), "inputs": [], "blocked_by": [ROW]}],
        Blocked([ROW]),  # type: ignore[list-item]
        {"reads": ["power", "shell"]},
    ),
    Case(
        "checkin_subsystem",
        ("skeleton", "skeleton_agent", {"state": "complete"}),
        {
            "subsystem": "skeleton",
            "agent_name": "skeleton_agent",
            "execution_id": "my-run",
            "fencing_token": 17,
            "status": {"state": "complete"},
            "interfaces": {"mounts": 4},
            "design_data": None,
            "activity": "done",
            "details": {},
            "release": True,
            "accept_stale": None,
            "strict": False,
        },
        {"status": ROW, "interfaces": ROW, "design": None, "released": True},
        Checkin(ROW, ROW, None, True),  # type: ignore[arg-type]
        {"interfaces": {"mounts": 4}, "activity": "done", "fencing_token": 17},
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
    Case("export_state", (), {}, {"format": "sharedstate/1"}, {"format": "sharedstate/1"},
         mutates=False),
]  # fmt: skip


@pytest.mark.parametrize("case", FUNCTIONS, ids=str)
def test_a_function_is_called_with_its_parameters_by_name(
    case: Case, client: SharedState, service: respx.MockRouter
) -> None:
    route = service.post(f"rpc/{case.function or case.method}").respond(
        content=json.dumps(case.answer)
    )
    options = {**case.options, "request_id": ID} if case.mutates else case.options
    result = getattr(client, case.method)(*case.arguments, **options)
    sent = json.loads(route.calls.last.request.content)
    assert sent == ({**case.sent, "request_id": ID} if case.mutates else case.sent)
    assert result == case.result


VERSIONED = "&order=version.desc"
READS: list[tuple[str, tuple[Any, ...], str, bool]] = [
    ("get_lock", ("subsystem", "a/b"),
     "agent_locks?resource_type=eq.subsystem&resource_name=eq.a/b&expires_at=gt.now", True),
    ("get_subsystem_status", ("skeleton",), "subsystems?name=eq.skeleton", True),
    ("get_all_subsystem_statuses", (), "subsystems?order=name", False),
    ("get_system_status", (), "system_status?order=name", False),
    ("get_global_constraints", (), f"global_constraints?limit=1{VERSIONED}", True),
    ("get_global_constraints", (3,), "global_constraints?version=eq.3", True),
    ("get_global_constraints_history", (), f"global_constraints?limit=50{VERSIONED}", False),
    ("get_global_constraints_history", (9, 4),
     f"global_constraints?version=lt.4&limit=9{VERSIONED}", False),
    ("get_budget_usage", (), "budget_usage?order=scope,name,quantity", False),
    ("get_budget_usage", ("skeleton",),
     "budget_usage?name=eq.skeleton&order=scope,name,quantity", False),
    ("get_dependencies", (),
     "document_dependencies?order=subsystem,on_subsystem,document", False),
    ("get_dependencies", ("skeleton",),
     "document_dependencies?subsystem=eq.skeleton&order=subsystem,on_subsystem,document", False),
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
    assert sent == {"workspace": "eq.robot", **dict(parse_qsl(query))}
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
    makers = {"lock", "rlock", "locks", "follow_activity"}
    editors = {f"edit_{one}" for one in ("requirements", "interfaces", "design")}
    editors.add("edit_global_constraints")
    assert methods - tested == {"close", "import_state"} | elsewhere | makers | editors


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


@pytest.mark.parametrize("limit", [0, -1, 10_001, 2.5, "5", None, True])
def test_a_limit_that_is_no_sensible_number_is_refused(limit: Any, client: SharedState) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        client.get_recent_activity(limit)
    assert caught.value.detail["argument"] == "limit"


@pytest.mark.parametrize("name", ["", "x" * 129, "a b", "-a", "a,b", None, 5, "skéleton", "a\n"])
def test_a_table_is_not_asked_for_an_impossible_name(name: Any, client: SharedState) -> None:
    with pytest.raises(ValueError, match="is no name"):
        client.get_subsystem_status(name)


@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_a_status_that_is_no_object_is_refused(document: Any, client: SharedState) -> None:
    with pytest.raises(errors.InvalidArgument, match="status is no JSON object"):
        client.update_subsystem_status("skeleton", document)


@pytest.mark.parametrize("empty", ["", 0, False, [], ()])
def test_what_is_empty_but_no_object_is_refused_too(empty: Any, client: SharedState) -> None:
    calls: dict[str, Callable[[], Any]] = {
        "details": lambda: client.log_agent_activity("a", "b", empty),
        "details ": lambda: client.log_conflict("low", "a", "b", "c", empty),
        "status": lambda: client.checkin_subsystem("a", "b", empty, fencing_token=1),
        "details  ": lambda: client.checkin_subsystem("a", "b", details=empty, fencing_token=1),
    }
    for argument, call in calls.items():
        with pytest.raises(errors.InvalidArgument, match="is no JSON object") as caught:
            call()
        assert caught.value.detail["argument"] == argument.strip()


@pytest.mark.parametrize("value", ["abc", "1", 1.5, True, None, -1, 2**63])
def test_a_number_of_the_wrong_kind_is_refused_by_the_name_of_its_argument(
    value: Any, client: SharedState
) -> None:
    locking = ("subsystem", "skeleton", "a")
    calls: dict[str, list[Callable[[], Any]]] = {
        "priority": [
            lambda: client.log_conflict("low", "a", "b", "c", priority=value),
            lambda: client.acquire_lock(*locking, priority=value),
            lambda: client.acquire_locks([locking[:2]], "a", priority=value),
            lambda: client.lock(*locking, priority=value),
        ],
        "ttl_seconds": [
            lambda: client.acquire_lock(*locking, value),
            lambda: client.rlock(*locking, value),
            lambda: client.renew_lock(*locking[:2], value, fencing_token=1),
            lambda: client.checkout_subsystem("skeleton", "a", value),
            lambda: client.reserve_budget("skeleton", "a", ttl_seconds=value),
        ],
        "conflict_id": [
            lambda: client.resolve_conflict(value, "done", "a"),
            lambda: client.add_conflict_note(value, "a", "note"),
            lambda: client.reassign_conflict(value, "b", "a", "why"),
            lambda: client.reopen_conflict(value, "a", "why"),
            lambda: client.get_conflict_history(value),
        ],
        "from_version": [
            lambda: client.diff_subsystem_design("skeleton", value, 1),
            lambda: client.diff_global_constraints(value, 1),
        ],
    }
    for argument, refused in calls.items():
        for call in refused:
            with pytest.raises(errors.InvalidArgument, match="is no whole number") as caught:
                call()
            assert caught.value.detail["argument"] == argument


@pytest.mark.parametrize(
    "time", ["yesterdayish", "", "2026-11-22T19:40:44", "2026-11-22", datetime(2026, 11, 22), 5]
)
def test_a_time_without_a_zone_is_refused_as_text_as_well(time: Any, client: SharedState) -> None:
    calls: dict[str, Callable[[], Any]] = {
        "since": lambda: client.get_recent_activity(since=time),
        "until": lambda: client.get_recent_activity(until=time),
        "older_than": lambda: client.prune_activity(time),
    }
    for argument, call in calls.items():
        with pytest.raises(errors.InvalidArgument, match="is no time with a zone") as caught:
            call()
        assert caught.value.detail["argument"] == argument


@pytest.mark.parametrize(
    "time", ["2026-11-22T19:40:44Z", "2026-11-22 19:40:44.0318+00", "2026-11-22T19:40:44+01:00"]
)
def test_a_time_with_a_zone_is_sent_as_it_was_given(
    time: str, client: SharedState, service: respx.MockRouter
) -> None:
    route = service.post("rpc/get_recent_activity").respond(json=[])
    client.get_recent_activity(since=time)
    assert json.loads(route.calls.last.request.content)["since"] == time


def test_one_name_is_not_taken_for_a_list_of_letters(client: SharedState) -> None:
    with pytest.raises(errors.InvalidArgument, match="blocks is no list of names"):
        client.log_conflict("low", "a", "b", "c", blocks="power_agent")
    with pytest.raises(errors.InvalidArgument, match="reads is no list of names"):
        client.checkout_subsystem("shell", "shell_agent", reads="power")


def test_a_request_id_must_be_a_uuid(client: SharedState) -> None:
    with pytest.raises(errors.InvalidArgument, match="request_id is no uuid"):
        client.log_agent_activity("a", "b", request_id="again")


@pytest.mark.parametrize(
    "content", [b"", b"<html>welcome</html>", b"[]", b"5", b'{"conflict_id": null}', b"[[", b"nul"]
)
def test_an_answer_that_makes_no_sense_leaves_a_mutation_open(
    content: bytes, client: SharedState, service: respx.MockRouter
) -> None:
    service.post("rpc/log_conflict").mock(return_value=httpx.Response(200, content=content))
    with pytest.raises(errors.OutcomeUnknown) as caught:
        client.log_conflict("low", "a", "b", "c", request_id=ID)
    assert caught.value.request_id == ID
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    "content", [b"", b"<html>welcome</html>", b"{}", b"5", b'[{"a":NaN}]', b'[{"a":-Infinity}]']
)
def test_an_answer_that_makes_no_sense_fails_a_read(
    content: bytes, client: SharedState, service: respx.MockRouter
) -> None:
    service.get("subsystems").mock(return_value=httpx.Response(200, content=content))
    with pytest.raises(errors.UnexpectedError, match="cannot be read"):
        client.get_subsystem_status("skeleton")
