"""What goes wrong beside the clients, each until a time on the monotonic clock."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Sequence

import psutil

from sharedstate.stack import Stack, postgres, processes
from sharedstate.stack.keys import read_keys
from sharedstate.stack.state import read_state

Clients = Sequence["subprocess.Popen[bytes]"]


def part(stack: Stack, name: str) -> psutil.Process:
    """A running part of the stack."""
    record = read_state(stack.home.state_file).parts[name]
    process = processes.find(record.pid, record.created)
    assert process is not None
    return process


def stop_clients(clients: Clients, until: float, dice: random.Random) -> int:
    """SIGSTOP of two at a time, for up to twice a lease's time; how many were stopped."""
    stopped = 0
    while time.monotonic() < until:
        some = dice.sample(clients, 2)
        for client in some:
            client.send_signal(signal.SIGSTOP)
        try:
            time.sleep(dice.uniform(0.1, 2.0))
        finally:
            for client in some:
                client.send_signal(signal.SIGCONT)
        stopped += len(some)
    return stopped


def stop_holders(stack: Stack, workspace: str, clients: Clients, until: float) -> int:
    """SIGSTOP of whoever holds a lock, for longer than its lease; how often."""
    stopped = 0
    with stack.database() as connection:
        while time.monotonic() < until:
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
            stopped += 1
    return stopped


def terminate_backends(stack: Stack, until: float) -> int:
    """pg_terminate_backend of all of PostgREST's sessions, again and again; how many."""
    keys = read_keys(stack.home.keys_file)
    assert keys is not None
    ended = 0
    with postgres.connect(
        stack.info.db_port,
        user="supabase_admin",
        password=keys.supabase_admin_password,
        database=postgres.DATABASE,
    ) as connection:
        while time.monotonic() < until:
            cursor = connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'postgrest'"
            )
            ended += cursor.rowcount
            time.sleep(0.4)
    return ended


def end_and_start_again(
    stack: Stack, name: str, how: signal.Signals, until: float, pause: float
) -> int:
    """Ends a part by a signal, and starts it again by `up`; how often."""
    times = 0
    while time.monotonic() < until:
        time.sleep(pause)
        process = part(stack, name)
        process.send_signal(how)
        assert processes.wait_gone(process, 20)
        stack.up()
        times += 1
    return times
