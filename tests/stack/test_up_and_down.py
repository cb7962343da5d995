"""Starting, stopping, and what survives."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import psutil
import psycopg
import pytest
from tests.stack.installation import Installation

from sharedstate import SharedState, errors
from sharedstate_ops.stack import Stack, processes


def test_up_starts_everything_and_says_how_to_use_it(new_installation: Installation) -> None:
    answer = new_installation.up()
    assert answer.returncode == 0, answer.stderr
    db_port, api_port = new_installation.ports
    assert f"http://127.0.0.1:{api_port}/rest/v1/" in answer.stdout
    assert f"port {db_port}" in answer.stdout
    assert "default  0 of 7 subsystems complete, 0 open conflicts" in answer.stdout
    assert "making the database" in answer.stderr
    assert (new_installation.root / ".env").stat().st_mode & 0o777 == 0o600
    assert (new_installation.root / ".sharedstate/keys.json").stat().st_mode & 0o777 == 0o600


def test_the_parts_survive_the_command_in_sessions_of_their_own(
    shared_installation: Installation,
) -> None:
    for name in ("postgres", "postgrest", "nginx"):
        pid = shared_installation.process(name).pid
        assert os.getsid(pid) == pid


def test_what_the_stack_keeps_is_for_its_owner_alone(installation: Installation) -> None:
    folder = installation.root / ".sharedstate"
    # As an older version left them.
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "postgres.log").touch(0o644)
    folder.chmod(0o755)
    assert installation.up().returncode == 0
    assert folder.stat().st_mode & 0o777 == 0o700
    logs = list((folder / "logs").iterdir())
    assert {log.name for log in logs} == {"postgres.log", "postgrest.log", "nginx.log"}
    assert {log.stat().st_mode & 0o777 for log in logs} == {0o600}


def test_every_part_listens_on_the_local_address_only(shared_installation: Installation) -> None:
    for name in ("postgres", "postgrest", "nginx"):
        listening = [
            connection.laddr[0]
            for connection in psutil.Process(shared_installation.part(name).pid).net_connections()
            if connection.status == psutil.CONN_LISTEN and connection.laddr
        ]
        assert listening
        assert set(listening) == {"127.0.0.1"}


def test_no_part_has_the_powers_of_root(shared_installation: Installation) -> None:
    for name in ("postgres", "postgrest", "nginx"):
        pid = shared_installation.part(name).pid
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        real_root = int(status["Uid"].split()[0]) == 0
        namespaces = {Path(f"/proc/{who}/ns/user").readlink() for who in (pid, "self")}
        assert not real_root or (len(namespaces) == 2 and int(status["CapEff"], 16) == 0)


def test_a_second_up_is_quick_and_says_that_it_runs(shared_installation: Installation) -> None:
    before = [shared_installation.part(name) for name in ("postgres", "postgrest", "nginx")]
    began = time.monotonic()
    answer = shared_installation.up()
    seconds = time.monotonic() - began
    assert answer.returncode == 0, answer.stderr
    assert "already running" in answer.stdout
    assert before == [shared_installation.part(name) for name in ("postgres", "postgrest", "nginx")]
    assert seconds < 5


def test_up_shortens_logs_that_have_grown_large_and_their_writers_go_on(
    shared_installation: Installation,
) -> None:
    logs = shared_installation.root / ".sharedstate" / "logs"
    log = logs / "postgres.log"
    with log.open("ab") as large:
        large.write(b"a line of the log\n" * 700_000 + b"the last line\n")
    (logs / "other.log").write_text("a short one\n")
    assert shared_installation.up().returncode == 0
    assert log.stat().st_size < 100_000
    kept = log.with_suffix(".log.1").read_bytes()
    assert 900_000 < len(kept) <= 1_000_000
    assert kept.startswith(b"a line of the log\n")
    assert b"the last line\n" in kept
    assert (logs / "other.log").read_text() == "a short one\n"
    assert shared_installation.run("psql", "-c", "select nonsense").returncode != 0
    assert b'column "nonsense" does not exist' in log.read_bytes()


def test_a_refused_document_leaves_a_line_in_the_log_and_not_itself(
    shared_installation: Installation,
) -> None:
    log = shared_installation.root / ".sharedstate" / "logs" / "postgres.log"
    info = Stack(shared_installation.root).info
    with SharedState("large-1", url=info.url, key=info.agent_key) as state:
        state.update_subsystem_design("shell", {"text": "first"}, "shell_agent", base_version=0)
        before = log.stat().st_size
        with pytest.raises(errors.StaleVersion):
            state.update_subsystem_design(
                "shell", {"text": "x" * 1_000_000}, "shell_agent", base_version=0
            )
    assert 0 < log.stat().st_size - before < 1_000


def test_data_survives_down_and_up(installation: Installation) -> None:
    installation.up()
    assert installation.run("init", "--workspace", "kept").returncode == 0
    keys = (installation.root / ".sharedstate/keys.json").read_text()
    down = installation.run("down")
    assert down.returncode == 0
    assert "data stays" in down.stdout
    for port in installation.ports:
        processes.listen_once(port)  # an OSError if something still does
    again = installation.up()
    assert "kept" in again.stdout
    assert "making the database" not in again.stderr
    assert (installation.root / ".sharedstate/keys.json").read_text() == keys


def test_down_when_nothing_runs_is_fine(installation: Installation) -> None:
    answer = installation.run("down")
    assert answer.returncode == 0
    assert "nothing was running" in answer.stdout
    assert not (installation.root / ".sharedstate").exists()


def test_two_ups_at_once_start_one_stack(new_installation: Installation) -> None:
    db_port, api_port = map(str, new_installation.ports)
    ports = ("--db-port", db_port, "--api-port", api_port)
    both = [new_installation.start("up", *ports, stderr=subprocess.PIPE) for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert sum("already running" in out for out, _ in outputs) == 1


def test_lost_keys_are_made_anew_and_the_data_stays(installation: Installation) -> None:
    installation.up()
    installation.run("init", "--workspace", "kept")
    installation.run("down")
    (installation.root / ".sharedstate/keys.json").unlink()
    answer = installation.up()
    assert answer.returncode == 0, answer.stderr
    assert "new passwords" in answer.stderr
    assert "kept" in answer.stdout
    assert "updated SUPABASE_KEY, SUPABASE_SERVICE_ROLE_KEY, DATABASE_URL" in answer.stdout


def test_passwords_are_needed_and_hashed_with_scram(shared_installation: Installation) -> None:
    stack = Stack(shared_installation.root)
    with stack.database() as connection:
        row = connection.execute("show unix_socket_directories").fetchone()
        assert row == ("",)
    rules = (shared_installation.root / ".sharedstate/postgres/pg_hba.conf").read_text()
    active = [line for line in rules.splitlines() if line and not line.startswith("#")]
    assert {line.split()[-1] for line in active} == {"scram-sha-256"}
    wrong = stack.info.database_url.replace("//postgres:", "//postgres:x", 1)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong).close()


def test_the_roles_are_those_of_the_platform(shared_installation: Installation) -> None:
    stack = Stack(shared_installation.root)
    with stack.database() as connection:
        rows = connection.execute(
            """select rolname, rolsuper, rolcanlogin, rolbypassrls from pg_roles
               where rolname !~ '^pg_' order by rolname"""
        ).fetchall()
        owner = connection.execute(
            """select r.rolname from pg_database d join pg_roles r on r.oid = d.datdba
               where d.datname = 'agentcad'"""
        ).fetchone()
        fsync = connection.execute("show fsync").fetchone()
    assert rows == [
        ("anon", False, False, False),
        ("authenticated", False, False, False),
        ("authenticator", False, True, False),
        ("postgres", False, True, True),
        ("service_role", False, False, True),
        ("supabase_admin", True, True, True),
    ]
    assert owner == ("postgres",)
    assert fsync == ("on",)
