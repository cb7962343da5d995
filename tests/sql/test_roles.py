"""Who may do what: every table x verb and every function x every kind of caller.

What exists is read from the catalog of the database, so that a new table or function without an
expectation here fails.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from tests.sql.mutations import CALL_BY_NAME, MUTATION_BY_NAME, Mutation
from tests.sql.support import TABLES, Api, Row, make_workspace, pinned_to
from tests.sql.waiting import POWER, Client

from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.keys import make_token

VIEWS = ("budget_usage", "lock_queue", "system_status")
READS = (
    "get_active_conflicts",
    "get_conflict_history",
    "is_blocked",
    "blocked_by",
    "wait_until_unblocked",
    "get_recent_activity",
    "read_activity",
    "get_board",
    "get_lock_status",
    "get_situation",
    "diff_documents",
    "diff_global_constraints",
    "export_state",
    "health",
    "schema_version",
    "list_workspaces",
)
WITHOUT_ID = ("cleanup_expired_locks",)
FUNCTIONS = (*CALL_BY_NAME, *READS, *WITHOUT_ID)
RESOURCE = {"resource_type": "subsystem", "resource_name": "skeleton"}
ANYBODY = {"agent_name": "nobody_agent"}
ARGUMENTS: dict[str, Row] = {
    "read_activity": {"cursor": "0/0"},
    "get_lock_status": RESOURCE,
    "diff_documents": {
        "subsystem": "skeleton",
        "document": "design",
        "from_version": 0,
        "to_version": 0,
    },
    "diff_global_constraints": {"from_version": 0, "to_version": 0},
    "get_situation": {**ANYBODY, "execution_id": "run-1"},
    "is_blocked": ANYBODY,
    "blocked_by": ANYBODY,
    "wait_until_unblocked": ANYBODY,
}

ABOUT_CONFLICTS = (
    "resolve_conflict",
    "add_conflict_note",
    "reassign_conflict",
    "reopen_conflict",
    "get_conflict_history",
)
FOR_EVERYBODY = {"health"}
FOR_OPERATORS = {
    "force_release_lock",
    "init_workspace",
    "list_workspaces",
    "import_state",
    "prune_activity",
}

CALLERS = (
    "no key",
    "anon",
    "agent",
    "other workspace",
    "other agent",
    "operator",
    # With a claim of another workspace. `sharedstate token` makes no such token, but others may.
    "pinned operator",
)
ELSEWHERE = ("other workspace", "pinned operator")
SEE_ALL = ("operator", "pinned operator")


class World:
    """Two filled workspaces, and a key for each kind of caller of the first."""

    def __init__(self, http: httpx.Client, stack: StackInfo) -> None:
        self.home, self.elsewhere = (
            make_workspace(http, stack, f"roles-{uuid.uuid4().hex[:12]}") for _ in range(2)
        )
        self.keys = {
            "no key": "",
            "anon": stack.anon_key,
            "agent": stack.agent_key,
            "other workspace": pinned_to(self.elsewhere),
            "other agent": make_token(
                stack.jwt_secret, "authenticated", agent="intruder", ttl=3600
            ),
            "operator": stack.service_key,
            "pinned operator": pinned_to(self.elsewhere, "service_role"),
        }
        for api in (self.home, self.elsewhere):
            fill(api)


def fill(api: Api) -> None:
    """At least one row in every table."""
    for name in ("requirements", "interfaces", "design"):
        mutation = MUTATION_BY_NAME[f"update_subsystem_{name}"]
        api.do(mutation.name, **mutation.arguments)
    api.do("reserve_budget", **MUTATION_BY_NAME["reserve_budget"].arguments)
    api.do("record_dependency", **MUTATION_BY_NAME["record_dependency"].arguments)
    api.do("log_conflict", **MUTATION_BY_NAME["log_conflict"].arguments)
    api.lock("power", "power_agent", "run-1", ttl_seconds=86_400)
    Client(api, "waiter").waits(POWER, wait_seconds=86_400)
    # It does not have to ask to be seen in line.
    api.sql(
        "update core.lock_tickets set alive_until = 'infinity' where workspace = %s", api.workspace
    )


@pytest.fixture(scope="module")
def world(http: httpx.Client, stack: StackInfo) -> World:
    return World(http, stack)


def test_every_function_and_table_of_the_database_has_an_expectation(api: Api) -> None:
    functions = api.sql(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace order by 1"
    )
    assert [name for (name,) in functions] == sorted(FUNCTIONS)
    relations = api.sql(
        "select relname from pg_class where relnamespace = 'public'::regnamespace "
        "and relkind in ('r', 'p', 'v', 'm', 'f') order by 1"
    )
    assert [name for (name,) in relations] == sorted(TABLES + VIEWS)


# Functions


def outcome(function: str, caller: str) -> tuple[int, str | None]:
    """The HTTP status, and the slug or SQLSTATE of a refusal."""
    mutation = MUTATION_BY_NAME.get(function)
    if function in FOR_EVERYBODY or caller == "operator":
        return 200, None
    if caller in ("no key", "anon"):
        return 401, "42501"
    if function in FOR_OPERATORS:
        if caller != "pinned operator":
            return 403, "42501"
        return {"init_workspace": (404, "unknown_workspace")}.get(function, (200, None))
    if caller in ELSEWHERE:
        return {
            "renew_lock": (409, "lease_lost"),
            "checkin_subsystem": (409, "lease_lost"),
            **dict.fromkeys(ABOUT_CONFLICTS, (404, "unknown_conflict")),
        }.get(function, (200, None))
    if caller == "other agent" and mutation is not None:
        if mutation.named is not None:
            return 403, "agent_mismatch"
        return {"renew_lock": (409, "lease_lost")}.get(function, (200, None))
    return 200, None


def reading(function: str) -> Mutation:
    """A call of a function that only reads."""
    if function == "get_conflict_history":
        return replace(MUTATION_BY_NAME["add_conflict_note"], name=function, arguments={})
    return Mutation(function, ARGUMENTS.get(function, {}), {})


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_does_for_each_caller_what_it_should(
    world: World, new_workspace: Callable[[], Api], subtests: pytest.Subtests, function: str
) -> None:
    mutation = CALL_BY_NAME.get(function) or reading(function)
    untouched = new_workspace()
    for_untouched = mutation.ready(untouched)
    before = untouched.snapshot()
    for caller in CALLERS:
        expected_status, reason = outcome(function, caller)
        changes = expected_status == 200 and caller not in ELSEWHERE and function not in READS
        api = new_workspace() if changes else untouched
        arguments = mutation.ready(api) if changes else for_untouched
        key = world.keys[caller]
        if caller in ELSEWHERE:
            key = pinned_to(
                new_workspace(), "service_role" if caller == "pinned operator" else "authenticated"
            )
        with subtests.test(caller):
            status, answer = api.call(function, key=key, **arguments)
            assert status == expected_status, answer
            if status != 200:
                assert reason in (answer["message"], answer["code"]), answer
            if not changes:
                assert api.snapshot() == before
            if caller in ELSEWHERE and status == 200:
                assert api.workspace not in str(answer)


def test_an_agent_cannot_release_or_renew_the_lease_of_another(api: Api, world: World) -> None:
    key = world.keys["other agent"]
    lease = api.lock()
    resource = {
        "resource_type": "subsystem",
        "resource_name": "skeleton",
        "execution_id": "run-1",
        "fencing_token": lease["fencing_token"],
    }
    assert api.call("release_lock", key=key, **resource) == (200, [])
    api.refused("renew_lock", "lease_lost", key=key, **resource)
    assert api.rows("agent_locks") == [lease]


@pytest.mark.parametrize("with_token", [True, False])
def test_an_agent_cannot_write_under_the_lease_of_another(
    api: Api, world: World, with_token: bool
) -> None:
    lease = api.lock()
    before = api.snapshot()
    api.refused(
        "update_subsystem_status",
        "lease_lost" if with_token else "resource_locked",
        key=world.keys["other agent"],
        subsystem="skeleton",
        status={"state": "complete"},
        execution_id="run-1",
        fencing_token=lease["fencing_token"] if with_token else None,
    )
    assert api.snapshot() == before


def test_what_an_agent_with_a_claim_writes_is_logged_under_its_own_name(
    api: Api, world: World
) -> None:
    api.do(
        "update_subsystem_status",
        key=world.keys["other agent"],
        subsystem="skeleton",
        status={"state": "complete"},
        execution_id="somebody-else",
    )
    assert [row["agent_name"] for row in api.log("status_updated")] == ["intruder"]


def test_an_agent_with_a_claim_does_all_under_its_own_name(api: Api) -> None:
    key = make_token(api.stack.jwt_secret, "authenticated", agent="skeleton_agent", ttl=60)
    checkout, checkin = (
        MUTATION_BY_NAME["checkout_subsystem"],
        MUTATION_BY_NAME["checkin_subsystem"],
    )
    status, ((got),) = api.call("checkout_subsystem", key=key, **checkout.arguments)
    token = got["lease"]["fencing_token"]
    status, written = api.call(
        "checkin_subsystem", key=key, **checkin.arguments, fencing_token=token
    )
    assert (status, written["released"]) == (200, True)


@pytest.mark.parametrize("function", [*MUTATION_BY_NAME, "cancel_lock_request"])
def test_a_mutation_cannot_be_called_by_get(api: Api, function: str) -> None:
    """A link that somebody follows must change nothing."""
    mutation = CALL_BY_NAME[function]
    arguments = {
        name: value
        for name, value in mutation.ready(api).items()
        if isinstance(value, str | int) and not isinstance(value, bool)
    }
    before = api.snapshot()
    answer = api.http.get(
        f"/rpc/{function}", params=arguments, headers=api.headers(mutation.key(api))
    )
    assert answer.status_code in (404, 405), answer.text
    assert api.snapshot() == before


# Tables

VERBS = ("GET", "POST", "PATCH", "DELETE")
PRIVATE_TABLES = (
    "workspaces",
    "requests",
    "fencing_counters",
    "lock_tickets",
    "lock_ticket_resources",
)


def ask(world: World, table: str, verb: str, caller: str) -> httpx.Response:
    column = "details" if table == "agent_activity_logs" else "workspace"
    both = f"in.({world.home.workspace},{world.elsewhere.workspace})"
    params: dict[str, str] = {}
    if verb in ("PATCH", "DELETE"):
        params = {"workspace": f"eq.{world.home.workspace}"}
    elif caller in SEE_ALL:
        params = {"workspace": both}  # all that other tests have left would take seconds
    body: Row | None = None
    if verb in ("POST", "PATCH"):
        body = {column: {} if column == "details" else world.home.workspace}
    return world.home.http.request(
        verb,
        f"/{table}",
        params=params,
        json=body,
        headers=world.home.headers(world.keys[caller]),
    )


@pytest.mark.parametrize("table", TABLES + VIEWS)
def test_a_table_can_be_read_by_keys_and_written_by_nobody(
    world: World, subtests: pytest.Subtests, table: str
) -> None:
    before = (world.home.snapshot(), world.elsewhere.snapshot())
    for verb in VERBS:
        for caller in CALLERS:
            with subtests.test(f"{verb} by {caller}"):
                check_access(world, table, verb, caller)
    assert (world.home.snapshot(), world.elsewhere.snapshot()) == before


def check_access(world: World, table: str, verb: str, caller: str) -> None:
    answer = ask(world, table, verb, caller)
    if table in VIEWS and verb != "GET":
        # Postgres looks whether a view can be written at all before it looks at rights.
        assert answer.json()["code"] == "55000", answer.text
    elif caller in ("no key", "anon"):
        assert (answer.status_code, answer.json()["code"]) == (401, "42501"), answer.text
    elif verb != "GET":
        assert (answer.status_code, answer.json()["code"]) == (403, "42501"), answer.text
    else:
        assert answer.status_code == 200, answer.text
        found = {row["workspace"] for row in answer.json()}
        if caller in SEE_ALL:
            # service_role passes by row level security: to read tables, its claim pins nothing.
            assert found == {world.home.workspace, world.elsewhere.workspace}
        elif caller == "other workspace":
            assert found == {world.elsewhere.workspace}
        else:
            assert found == {world.home.workspace}


@pytest.mark.parametrize("table", TABLES + VIEWS)
def test_a_filter_for_another_workspace_finds_nothing(world: World, table: str) -> None:
    assert world.home.rows(table, workspace=f"eq.{world.elsewhere.workspace}") == []


@pytest.mark.parametrize("caller", CALLERS)
def test_the_private_schema_is_not_exposed(
    world: World, subtests: pytest.Subtests, caller: str
) -> None:
    for table in PRIVATE_TABLES:
        with subtests.test(table):
            headers = world.home.headers(world.keys[caller], {"accept-profile": "core"})
            answer = world.home.http.get(f"/{table}", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (406, "PGRST106")
            headers = world.home.headers(world.keys[caller])
            assert world.home.http.get(f"/{table}", headers=headers).status_code == 404


@pytest.mark.parametrize("caller", CALLERS)
def test_a_private_function_cannot_be_called(world: World, caller: str) -> None:
    headers = world.home.headers(world.keys[caller], {"content-profile": "core"})
    answer = world.home.http.post("/rpc/forget_old_requests", json={}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (406, "PGRST106")
    status, answered = world.home.call("forget_old_requests", key=world.keys[caller])
    assert (status, answered["code"]) == (404, "PGRST202")
