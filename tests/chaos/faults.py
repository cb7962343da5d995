"""What goes wrong beside the clients, each so many times."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Sequence

import psutil

from sharedstate_ops.stack import Stack, processes
from sharedstate_ops.stack.connections import connect
from sharedstate_ops.stack.keys import read_keys

Clients = Sequence["subprocess.Popen[bytes]"]


def part(stack: Stack, name: str) -> psutil.Process:
    """A running part of the stack."""
    return stack.living()[name]


def stop_clients(clients: Clients, times: int, dice: random.Random) -> None:
    """SIGSTOP of two at a time, for up to twice a lease's time."""
    for _ in range(times):
        some = dice.sample(clients, 2)
        for client in some:
            client.send_signal(signal.SIGSTOP)
        try:
            time.sleep(dice.uniform(0.1, 2.0))
        finally:
            for client in some:
                client.send_signal(signal.SIGCONT)


def stop_holders(stack: Stack, workspace: str, clients: Clients, times: int) -> None:
    """SIGSTOP of whoever holds a lock, for longer than its lease."""
    with stack.database() as connection:
        while times > 0:
            row = connection.execute(
                "select locked_by from agent_locks where workspace = %s and not provisional",
                [workspace],
            ).fetchone()
            if row is None:
                continue
            pid = clients[int(str(row[0]).removeprefix("client-"))].pid
            os.kill(pid, signal.SIGSTOP)
            try:
                time.sleep(1.3)
            finally:
                os.kill(pid, signal.SIGCONT)
            times -= 1


def terminate_backends(stack: Stack, sessions: int) -> None:
    """pg_terminate_backend of all of PostgREST's sessions, again and again, until so many ended."""
    keys = read_keys(stack.home.keys_file)
    assert keys is not None
    with connect(keys.address(stack.info.db_port, "supabase_admin")) as connection:
        while sessions > 0:
            cursor = connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'postgrest'"
            )
            sessions -= cursor.rowcount
            time.sleep(0.4)


def end_and_start_again(
    stack: Stack, name: str, how: signal.Signals, times: int, pause: float
) -> None:
    """Ends a part by a signal, and starts it again by `up`."""
    for _ in range(times):
        time.sleep(pause)
        process = part(stack, name)
        process.send_signal(how)
        assert processes.wait_gone(process, 20)
        stack.up()
