"""A connection of the command line: it waits for as long as it is told, and Ctrl-C ends it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import psycopg2
import pytest
from tests.awaiting import await_answer

from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.connections import connect
from sharedstate_ops.stack.errors import NoConnection

SLEEPS = """
import os
from sharedstate_ops.stack.connections import connect

with connect(os.environ["DATABASE_URL"]) as connection, connection.transaction():
    connection.execute("select 'interrupted', pg_sleep(3600)")
"""


def test_ctrl_c_ends_a_statement_that_waits(stack: StackInfo) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPS],
        env={"DATABASE_URL": stack.database_url},
        stderr=subprocess.PIPE,
        text=True,
    )
    with process, connect(stack.database_url) as owner:
        sleeping = "from pg_stat_activity where query like 'select ''interrupted''%'"
        try:
            await_answer(
                lambda: owner.execute(f"select count(*) {sleeping}").fetchone(), wanted=(1,)
            )
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
            owner.execute(f"select pg_terminate_backend(pid) {sleeping}")
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
        connection.patience = 0.1
        with pytest.raises(psycopg2.OperationalError, match="timeout expired"):
            connection.execute("select pg_sleep(10)")
        assert connection.closed


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
    assert connection.closed
