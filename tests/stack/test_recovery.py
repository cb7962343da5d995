"""kill -9 of any part, and what else a crash may leave behind."""

from __future__ import annotations

import threading
import time

import httpx
import psutil
import psycopg
import pytest
from tests.stack.installation import Installation

from sharedstate_ops.stack import Stack, processes
from sharedstate_ops.stack.state import PARTS


def _answers(installation: Installation) -> bool:
    key = Stack(installation.root).info.anon_key
    url = f"http://127.0.0.1:{installation.ports[1]}/rest/v1/rpc/health"
    return httpx.get(url, headers={"apikey": key}, trust_env=False).status_code == 200


@pytest.mark.parametrize("name", PARTS)
def test_a_killed_part_is_found_and_started_again(
    shared_installation: Installation, name: str
) -> None:
    pid = shared_installation.kill(name)
    status = shared_installation.run("status")
    assert status.returncode == 1
    assert f"killed: no process {pid}" in status.stdout
    answer = shared_installation.up()
    assert answer.returncode == 0, answer.stderr
    assert f"{name} was killed (process {pid} is gone)" in answer.stderr
    assert f"recovered: {name}" in answer.stdout
    if name == "postgres":
        assert "postgres was killed (stale pid file): recovered" in answer.stderr
    assert _answers(shared_installation)
    assert shared_installation.run("status").returncode == 0


def test_all_parts_killed_at_once_come_back_with_their_data(
    shared_installation: Installation,
) -> None:
    shared_installation.run("init", "--workspace", "before-the-crash")
    for name in PARTS:
        shared_installation.kill(name)
    answer = shared_installation.up()
    assert answer.returncode == 0, answer.stderr
    assert "before-the-crash" in answer.stdout
    assert _answers(shared_installation)


def test_a_backend_that_computes_on_after_the_server_was_killed_does_not_block_the_start(
    shared_installation: Installation,
) -> None:
    stack = Stack(shared_installation.root)
    url = stack.info.database_url

    def compute() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            # A loop that never looks whether the server still lives.
            try:
                connection.execute("select count(*) from generate_series(1, 1000000000000)")
            except psycopg.OperationalError:
                return

    worker = threading.Thread(target=compute)
    worker.start()
    with stack.database() as connection:
        deadline = time.monotonic() + 10
        busy: psutil.Process | None = None
        while busy is None and time.monotonic() < deadline:
            row = connection.execute(
                "select pid from pg_stat_activity where query like 'select count(*) from gen%'"
            ).fetchone()
            busy = psutil.Process(int(str(row[0]))) if row else None
    assert busy is not None
    shared_installation.kill("postgres")
    assert busy.is_running()
    answer = shared_installation.up()
    worker.join(timeout=30)
    assert answer.returncode == 0, answer.stderr
    assert "waiting for 1 processes of the killed postgres" in answer.stderr
    assert not processes.lives(busy)


def test_a_pid_that_belongs_to_another_process_now_is_left_alone(
    installation: Installation,
) -> None:
    installation.up()
    installation.kill("postgres")
    pid_file = installation.root / ".sharedstate/postgres/postmaster.pid"
    lines = pid_file.read_text().splitlines()
    # As after a restart of the machine: the number now names somebody else, here ourselves.
    pid_file.write_text("\n".join([str(psutil.Process().pid), *lines[1:]]) + "\n")
    answer = installation.up()
    assert answer.returncode == 0, answer.stderr
    assert "stale pid file" in answer.stderr


def test_a_database_that_was_half_made_is_made_again(installation: Installation) -> None:
    leftover = installation.root / ".sharedstate/postgres.new"
    leftover.mkdir(parents=True)
    (leftover / "PG_VERSION").write_text("17\n")
    answer = installation.up()
    assert answer.returncode == 0, answer.stderr
    assert not leftover.exists()
