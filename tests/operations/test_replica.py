"""A streaming replica with a PostgREST of its own: for whoever only looks."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest
from tests.awaiting import await_answer

from sharedstate import SharedState, errors
from sharedstate_ops.stack import Stack, gateway, postgres, postgrest, processes
from sharedstate_ops.stack.binaries import postgres_program
from sharedstate_ops.stack.site import Site, prepare


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    made = Stack(tmp_path_factory.mktemp("primary"))
    made.up()
    try:
        with made.database() as connection:
            connection.execute("select public.init_workspace('default')")
        yield made
    finally:
        made.down()


@pytest.fixture(scope="module")
def replica_url(primary: Stack) -> Iterator[str]:
    """The address of the second API."""
    site = prepare(primary.home, lambda message: None)
    with ExitStack() as cleaning:
        db_port = _start_database(primary, site, cleaning)
        used = [db_port]
        for _ in range(2):
            used.append(processes.free_port(used))
        ports = postgrest.Ports(used[1], db_port, used[2])
        _start_api(site, ports, cleaning)
        yield f"http://{processes.HOST}:{ports.api_port}"


def _start_database(primary: Stack, site: Site, cleaning: ExitStack) -> int:
    info = primary.info
    folder = site.home.run / "replica"
    folder.mkdir(mode=0o700)
    site.run_as.give(folder)
    subprocess.run(
        [
            *site.run_as.prefix,
            str(postgres_program("pg_basebackup")),
            *("--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf"),
            f"--pgdata={folder}",
            f"--dbname={info.database_url}",
        ],
        cwd=site.home.run,
        check=True,
        capture_output=True,
    )
    port = processes.free_port()
    process = postgres.start(site, port, data=folder, log="replica")
    cleaning.callback(processes.end, process, (signal.SIGINT, 20))
    address = info.database_url.replace(f":{info.db_port}/", f":{port}/")

    def ready() -> bool:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            return False
        return True

    processes.wait_until(
        ready, process=process, what="the replica", timeout=60, log=site.log("replica")
    )
    return port


def _start_api(site: Site, ports: postgrest.Ports, cleaning: ExitStack) -> None:
    folder = site.home.run / "replica-api"
    folder.mkdir()
    site.run_as.give(folder)
    # A replica has no notifications to listen to.
    process = postgrest.start(
        site, ports, folder=folder, log="replica-api", db_channel_enabled=False
    )
    cleaning.callback(processes.end, process)
    nginx = gateway.start(site, ports.api_port, [ports.port], folder=folder, log="replica-api")
    cleaning.callback(processes.end, nginx)


def _version(state: SharedState) -> int:
    row = state.get_subsystem_status("power")
    assert row is not None
    return row["version"]


def test_what_is_written_on_the_primary_is_read_on_the_replica(
    primary: Stack, replica_url: str
) -> None:
    info = primary.info
    with (
        SharedState(url=info.url, key=info.agent_key) as writer,
        SharedState(url=replica_url, key=info.agent_key) as reader,
    ):
        written = writer.update_subsystem_status("power", {"state": "designing"})["version"]
        await_answer(lambda: _version(reader), written)
        assert len(reader.get_all_subsystem_statuses()) == 7
        assert reader.get_recent_activity(limit=1)[0]["activity"] == "status_updated"
        assert reader.get_active_conflicts() == []
        # A function that only reads.
        export = reader.supabase.rpc("export_state", {}).execute().data
        assert isinstance(export, dict)
        assert export["workspace"] == "default"


def test_a_replica_takes_no_write_and_grants_no_lock(primary: Stack, replica_url: str) -> None:
    info = primary.info
    with SharedState(url=replica_url, key=info.agent_key) as reader:
        with pytest.raises(errors.SharedStateError, match="during recovery"):
            reader.update_subsystem_status("power", {"state": "complete"})
        with pytest.raises(errors.SharedStateError, match="during recovery"):
            reader.acquire_lock("subsystem", "power", "power_agent")


def test_a_replica_refuses_whom_the_primary_refuses(primary: Stack, replica_url: str) -> None:
    with (
        SharedState(url=replica_url, key=primary.info.anon_key) as nobody,
        pytest.raises(errors.PermissionDenied),
    ):
        nobody.get_subsystem_status("power")
