"""The services start from what docker-compose.yml gives them, and find each other."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from tests.awaiting import await_answer
from tests.compose.composefile import FILE, ROOT, resolved, write_env
from tests.compose.processes import Composed, composed, connect
from tests.stack.installation import Installation
from tests.tools import node, node_modules, supabase_cli, unavailable

from sharedstate import SharedState, errors
from sharedstate_ops.stack import migrations, postgrest, processes

TABLES = {
    "global_constraints",
    "subsystems",
    "subsystem_requirements",
    "subsystem_interfaces",
    "subsystem_designs",
    "conflicts",
    "agent_activity_logs",
    "agent_locks",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Everything but Studio, which no package registry has."""
    folder = tmp_path_factory.mktemp("compose")
    variables = write_env(
        folder / ".env",
        PGRST_DB_POOL="3",
        POSTGRES_PASSWORD="its/own:p@ss#word?",
        AUTHENTICATOR_PASSWORD="an%other @one:/?#[]$&+=",
    )
    services = resolved(folder / ".env")
    with composed(services, variables, folder) as made:
        made.start_db()
        done = made.initialise_db()
        assert done.returncode == 0, done.stderr
        assert "applying migration 20261122000000_create_baseline" in done.stdout
        assert not made.unfinished.exists()
        made.start_rest()
        made.start_gateway()
        made.start_meta()
        yield made


@pytest.fixture
def studio(stack: Composed) -> Iterator[httpx.Client]:
    """Asks postgres-meta as Studio does: with its connection, encrypted with the shared key."""
    given = {name: stack.here(value) for name, value in stack.given("studio").items()}
    assert given["STUDIO_PG_META_URL"] == f"http://127.0.0.1:{stack.ports['meta']}"
    who = f"{given['POSTGRES_USER_READ_WRITE']}:{quote(given['POSTGRES_PASSWORD'], safe='')}"
    address = f"postgresql://{who}@127.0.0.1:{stack.ports['db']}/{given['POSTGRES_DB']}"
    script = "console.log(require('crypto-js').AES.encrypt(...process.argv.slice(1)).toString())"
    encrypted = subprocess.run(
        [*node(), "-e", script, address, given["PG_META_CRYPTO_KEY"]],
        cwd=node_modules().parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.strip()
    with httpx.Client(
        base_url=given["STUDIO_PG_META_URL"],
        headers={"x-connection-encrypted": encrypted},
        trust_env=False,
        timeout=60,
    ) as client:
        yield client


def rows(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def test_an_agent_works_through_the_gateway_with_the_key_of_the_env_file(stack: Composed) -> None:
    key = stack.variables["SUPABASE_KEY"]
    with SharedState("compose-1", url=stack.url, key=key) as state:
        lease = state.acquire_lock("subsystem", "skeleton", "skeleton_agent")
        assert lease and lease.fencing_token >= 1
        row = state.update_subsystem_status("skeleton", {"state": "designing"})
        assert row["state"] == "designing"
        assert state.release_lock("subsystem", "skeleton")


def test_the_operators_key_is_an_operators_and_the_anonymous_one_reads_nothing(
    stack: Composed,
) -> None:
    def status(name: str) -> int:
        headers = {"apikey": stack.variables[name]}
        address = f"{stack.url}/rest/v1/rpc/list_workspaces"
        return httpx.get(address, headers=headers, trust_env=False).status_code

    assert status("SUPABASE_SERVICE_ROLE_KEY") == 200
    assert status("SUPABASE_KEY") == 403
    assert status("SUPABASE_ANON_KEY") == 401


def test_the_gateway_serves_the_board_as_the_embedded_stack_does(stack: Composed) -> None:
    page = httpx.get(f"{stack.url}/board/", trust_env=False)
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    script = httpx.get(f"{stack.url}/board/main.js", trust_env=False)
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.content == (ROOT / "board" / "main.js").read_bytes()


def test_the_first_start_leaves_a_ledger_in_which_nothing_is_pending_or_changed(
    stack: Composed,
) -> None:
    with connect(stack.database_url()) as connection:
        assert migrations.pending(connection) == []
        assert migrations.changed(connection) == []
        owner = connection.execute(
            "select distinct tableowner from pg_tables where schemaname in ('public', 'core')"
        ).fetchall()
        assert owner == [("postgres",)]


def test_a_migration_that_fails_stops_the_start_and_leaves_nothing(
    stack: Composed, tmp_path: Path
) -> None:
    (tmp_path / "20990101000000_break.sql").write_text(
        "create table public.half (id integer);\nselect nonsense;\n"
    )
    done = stack.initialise_db(tmp_path)
    assert done.returncode != 0
    assert "nonsense" in done.stderr
    # So the database is not started on what there is of it.
    assert stack.unfinished.exists()
    with connect(stack.database_url()) as connection:
        assert connection.execute("select to_regclass('public.half')").fetchone() == (None,)
        assert "20990101000000" not in migrations.ledger(connection)


def test_the_supabase_cli_finds_nothing_to_apply(stack: Composed) -> None:
    done = subprocess.run(
        [str(supabase_cli()), "migration", "up", "--yes", f"--remote={stack.database_url()}"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(stack.folder), "DO_NOT_TRACK": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "up to date" in done.stdout


def test_a_publication_that_holds_all_tables_anyway_is_left_alone(stack: Composed) -> None:
    """Only a superuser can make one, and the image has one."""
    address = stack.database_url("supabase_admin")
    with connect(address) as admin:
        admin.execute("create database other")
    with connect(address.replace("/agentcad", "/other")) as admin:
        admin.execute("create publication supabase_realtime for all tables")
        done = stack.initialise_db(POSTGRES_DB="other")
        assert done.returncode == 0, done.stderr
        assert admin.execute("select count(*) from pg_publication_rel").fetchone() == (0,)


def test_sharedstate_init_finds_the_database_by_the_env_file(
    stack: Composed, tmp_path: Path
) -> None:
    installation = Installation(tmp_path)
    write_env(
        tmp_path / ".env",
        DB_PORT=str(stack.ports["db"]),
        POSTGRES_PASSWORD=stack.variables["POSTGRES_PASSWORD"],
    )
    done = installation.run("init", "--workspace", "from-env", "--home", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "workspace from-env is ready; the schema is up to date" in done.stdout


def test_no_password_is_logged_by_the_first_start_whatever_the_image_logs(stack: Composed) -> None:
    """The image's own script makes passwords before ours, so no setting of ours may log it."""
    assert "log_statement" not in FILE.read_text()
    with connect(stack.database_url("supabase_admin")) as admin:
        admin.execute("create database logged")
        admin.execute("alter database logged set log_statement = 'all'")
    assert stack.initialise_db(POSTGRES_DB="logged").returncode == 0
    logged = stack.site.log("db").read_text()
    assert "create table public.subsystems" in logged
    for name in ("AUTHENTICATOR_PASSWORD", "POSTGRES_PASSWORD"):
        assert stack.variables[name] not in logged, name


def test_a_superuser_switches_logging_on_as_the_page_says_without_a_restart(
    stack: Composed,
) -> None:
    page = (ROOT / "docs" / "compose.md").read_text()
    (command,) = re.findall(r"`(docker compose exec db psql .*?log_statement.*?)`", page)
    *words, switch, _, reload = shlex.split(command)
    superuser = "docker compose exec db psql -h 127.0.0.1 -U supabase_admin -d agentcad -c"
    assert shlex.join(words) == superuser
    with connect(stack.database_url()) as agent:
        assert agent.execute("show log_statement").fetchone() == ("none",)
        with connect(stack.database_url("supabase_admin")) as admin:
            for statement in (switch, reload):
                admin.execute(statement)
            await_answer(lambda: agent.execute("show log_statement").fetchone(), ("all",))
            admin.execute("alter system reset log_statement")
            admin.execute(reload)


def test_a_refused_document_leaves_a_line_in_the_log_and_not_itself(stack: Composed) -> None:
    log = stack.site.log("db")
    with SharedState("compose-3", url=stack.url, key=stack.variables["SUPABASE_KEY"]) as state:
        state.update_subsystem_design("shell", {"text": "first"}, "shell_agent", base_version=0)
        before = log.stat().st_size
        with pytest.raises(errors.StaleVersion):
            state.update_subsystem_design(
                "shell", {"text": "x" * 1_000_000}, "shell_agent", base_version=0
            )
    assert 0 < log.stat().st_size - before < 1_000


def test_the_pool_is_that_of_the_env_file(stack: Composed) -> None:
    assert stack.given("rest")["PGRST_DB_POOL"] == "3"


def test_the_health_checks_pass_when_all_is_well(stack: Composed) -> None:
    def check(service: str, **changed: str) -> int:
        command = [str(part) for part in stack.services[service]["healthcheck"]["test"]][1:]
        port = {"gateway": ":8000", "meta": ":8080"}.get(service)
        if port:
            command = [part.replace(port, f":{stack.ports[service]}") for part in command]
        environment = stack.environment(service) | changed
        if command[0] == "node":
            command[:1] = node()
        if shutil.which(command[0], path=environment["PATH"]) is None:
            unavailable(f"{command[0]}, which the image has, is not installed", command[0])
        return subprocess.run(command, env=environment, capture_output=True, timeout=60).returncode

    assert check("db", PGPORT=str(stack.ports["db"])) == 0
    assert check("db", PGPORT="1") != 0
    assert check("meta") == 0
    assert check("gateway") == 0


def test_studio_browses_the_eight_tables_and_the_view(
    stack: Composed, studio: httpx.Client
) -> None:
    tables = rows(studio.get("/tables", params={"included_schemas": "public"}))
    assert {table["name"] for table in tables} >= TABLES
    assert all(table["rls_enabled"] and table["comment"] for table in tables)
    views = rows(studio.get("/views", params={"included_schemas": "public"}))
    assert "system_status" in {view["name"] for view in views}
    for name in (*TABLES, "system_status"):
        rows(studio.post("/query", json={"query": f"select * from public.{name} limit 100"}))


def test_studio_runs_sql_as_the_owner_of_the_tables_and_sees_what_agents_write(
    stack: Composed, studio: httpx.Client
) -> None:
    with SharedState("compose-2", url=stack.url, key=stack.variables["SUPABASE_KEY"]) as state:
        state.log_agent_activity("studio_agent", "seen_in_studio", {})
    query = """
      select current_user as name, count(*)::int as entries
      from agent_activity_logs where activity = 'seen_in_studio'"""
    assert rows(studio.post("/query", json={"query": query})) == [
        {"name": "postgres", "entries": 1}
    ]
    rows(studio.post("/query", json={"query": "select cleanup_expired_locks()"}))


def test_a_studio_with_another_key_reaches_nothing(stack: Composed) -> None:
    answer = httpx.get(
        f"http://127.0.0.1:{stack.ports['meta']}/tables",
        headers={"x-connection-encrypted": "bm90IG91cnM="},
        trust_env=False,
    )
    assert answer.status_code >= 400


def test_while_the_api_is_down_the_gateway_says_what_to_do_here(stack: Composed) -> None:
    stack.stop("rest")
    try:
        answer = httpx.get(f"{stack.url}/rest/v1/rpc/health", trust_env=False)
        assert answer.status_code == 503
        assert "`docker compose ps`, then `docker compose up -d --wait`" in answer.json()["hint"]
        assert json.loads(answer.json()["details"]) == {"reached": False}
    finally:
        stack.start_rest()
    assert postgrest.get_status(stack.ports["gateway"], "/rest/v1/rpc/health") == 200


def test_a_call_whose_postgrest_dies_is_answered_503_and_may_have_been_done(
    stack: Composed,
) -> None:
    address = f"{stack.url}/rest/v1/subsystems"
    headers = {"apikey": stack.variables["SUPABASE_KEY"]}
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    with (
        connect(stack.database_url()) as owner,
        connect(stack.database_url("supabase_admin")) as admin,
        ThreadPoolExecutor(1) as threads,
    ):
        with owner.transaction():
            owner.execute("lock table public.subsystems")
            call = threads.submit(httpx.get, address, headers=headers, trust_env=False, timeout=60)
            await_answer(lambda: admin.execute(waiting).fetchone(), (1,))
            processes.end(stack.running.pop("rest"))
            answer = call.result(60)
        stack.start_rest()
    assert answer.status_code == 503
    assert json.loads(answer.json()["details"]) == {"reached": True}
