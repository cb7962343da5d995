"""A connection of the command line: it waits for as long as it is told, and Ctrl-C ends it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest
from tests.awaiting import await_answer

from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.connections import connect
from sharedstate_ops.stack.errors import NoConnection

READS = """
import os
from sharedstate_ops.operator import Operator
from sharedstate_ops.stack.connections import connect

with connect(os.environ["DATABASE_URL"]) as connection:
    Operator(connection).read("select 'interrupted', pg_sleep(3600)")
"""
MIGRATES = """
import os, pathlib
from sharedstate_ops.stack import migrations
from sharedstate_ops.stack.connections import connect

with connect(os.environ["DATABASE_URL"]) as connection:
    migrations.apply_pending(connection, folder=pathlib.Path(os.environ["FOLDER"]))
"""


@pytest.mark.parametrize("program", [READS, MIGRATES])
def test_ctrl_c_ends_a_statement_here_and_in_the_database(
    stack: StackInfo, tmp_path: Path, program: str
) -> None:
    (tmp_path / "20990101000000_sleep.sql").write_text("select 'interrupted', pg_sleep(3600);")
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env={"DATABASE_URL": stack.database_url, "FOLDER": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    with process, connect(stack.database_url) as owner:
        working = (
            "from pg_stat_activity where state = 'active' and query like '%''interrupted''%' "
            "and pid <> pg_backend_pid()"
        )

        def working_sessions() -> object:
            return owner.execute(f"select count(*) {working}").fetchone()

        try:
            await_answer(working_sessions, wanted=(1,))
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
            await_answer(working_sessions, wanted=(0,))
        finally:
            process.kill()
            owner.execute(f"select pg_terminate_backend(pid) {working}")
    assert process.returncode == -signal.SIGINT
    assert said.rstrip().endswith("KeyboardInterrupt")


def test_a_server_that_says_nothing_is_given_up_after_the_time_that_was_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgresql://postgres:secret@127.0.0.1:{silent.getsockname()[1]}/agentcad"
        with pytest.raises(NoConnection, match="timeout expired") as caught:
            connect(address, timeout=0.1)
    assert not caught.value.answered
    assert "secret" not in str(caught.value)


def test_an_answer_that_takes_longer_than_it_may_ends_the_connection(stack: StackInfo) -> None:
    with connect(stack.database_url) as connection:
        connection.patience_s = 0.1
        with pytest.raises(psycopg2.OperationalError, match="timeout expired"):
            connection.execute("select pg_sleep(10)")
        with pytest.raises(psycopg2.InterfaceError, match="closed"):
            connection.execute("select 1")


def test_a_server_that_refuses_us_has_answered(stack: StackInfo) -> None:
    wrong = stack.database_url.replace("postgres:", "postgres:x", 1)
    with pytest.raises(NoConnection) as caught:
        connect(wrong)
    assert caught.value.refused and caught.value.answered


def test_a_transaction_that_fails_leaves_nothing_and_the_connection_goes_on(
    stack: StackInfo,
) -> None:
    with connect(stack.database_url) as connection:
        connection.execute("create temporary table kept (id integer)")
        with pytest.raises(psycopg2.Error), connection.transaction():
            connection.execute("insert into kept values (1)")
            connection.execute("select 1 / 0")
        with connection.transaction():
            connection.execute("insert into kept values (2)")
        assert connection.execute("select id from kept").fetchall() == [(2,)]
    with pytest.raises(psycopg2.InterfaceError, match="closed"):
        connection.execute("select 1")
