"""Parts that hang, recover for long, are full or unrecorded; and a clock that is set."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import httpx
import psutil
import psycopg2
import pytest

from sharedstate_ops.stack import Stack, StackError, parts, postgres, processes
from sharedstate_ops.stack.errors import NoConnection
from sharedstate_ops.stack.state import (
    PARTS,
    PartRecord,
    StackState,
    read_state,
    write_state,
)

MakeStack = Callable[[], Stack]


def _process(stack: Stack, name: str) -> psutil.Process:
    return stack.living()[name]


def _answers(stack: Stack) -> bool:
    info = stack.info
    headers = {"apikey": info.anon_key}
    url = f"{info.url}/rest/v1/rpc/health"
    return httpx.get(url, headers=headers, trust_env=False).status_code == 200


def _recovering(server: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return any("startup" in " ".join(child.cmdline()) for child in server.children())
    return False


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline


def _crash_a_backend(stack: Stack) -> psutil.Process:
    """Leaves Postgres with some seconds of recovery to do; answers its process."""
    server = _process(stack, "postgres")
    with suppress(psycopg2.Error), stack.database() as connection:
        connection.execute(
            "insert into notes select n, repeat('x', 200) from generate_series(1, 400000) as n"
        )
        ((backend,),) = connection.execute("select pg_backend_pid()")
        os.kill(backend, signal.SIGKILL)
        _await(lambda: _recovering(server))
    return server


def test_a_postgres_that_is_stopped_while_it_recovers_from_a_crash_ends_and_loses_nothing(
    scratch_stack: MakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Twenty seconds of patience with the fast shutdown, which hangs then, would show no more.
    monkeypatch.setitem(parts._SIGNALS, "postgres", ((signal.SIGINT, 1.0), (signal.SIGQUIT, 10.0)))
    stack = scratch_stack()
    stack.up()
    server = _crash_a_backend(stack)
    assert _recovering(server)
    began = time.monotonic()
    stack.down()
    assert time.monotonic() - began < 30
    assert not stack.living()
    stack.up()
    with stack.database() as connection:
        assert connection.execute("select count(*) from notes").fetchone() == (400000,)


def test_up_waits_for_a_postgres_that_recovers_from_the_crash_of_a_backend(
    scratch_stack: MakeStack,
) -> None:
    stack = scratch_stack()
    stack.up()
    server = _crash_a_backend(stack)
    assert _recovering(server)
    stack.up()
    assert _process(stack, "postgres").pid == server.pid
    assert _answers(stack)


def test_a_recovery_may_take_longer_than_a_start(
    scratch_stack: MakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = scratch_stack()
    stack.up()
    server = _crash_a_backend(stack)
    server.kill()
    _await(lambda: not postgres.orphans(stack.home.data))
    # Long enough to say that it starts, far too short for the recovery.
    monkeypatch.setattr(postgres, "READY_SECONDS", 0.5)
    monkeypatch.setattr(postgres, "_TELL_SECONDS", 0.2)
    steps: list[str] = []
    stack.up(steps.append)
    assert any("postgres has been starting for" in step for step in steps)
    with stack.database() as connection:
        assert connection.execute("select count(*) from notes").fetchone() == (400000,)


def test_a_postgres_that_does_not_answer_is_started_anew_by_up(
    scratch_stack: MakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "_ANSWER_SECONDS", 1.0)
    stack = scratch_stack()
    stack.up()
    server = _process(stack, "postgres")
    server.suspend()
    try:
        with pytest.raises(NoConnection) as caught, stack.database():
            pass
        assert "sharedstate up" in caught.value.hint
        steps: list[str] = []
        began = time.monotonic()
        stack.up(steps.append)
        assert time.monotonic() - began < 40
    finally:
        with suppress(psutil.NoSuchProcess):
            server.resume()
    assert any("postgres takes no connection" in step for step in steps)
    assert stack.report.recovered == {"postgres"}
    assert _answers(stack)


def test_a_database_without_a_free_connection_is_an_error_that_says_so(
    scratch_stack: MakeStack,
) -> None:
    stack = scratch_stack()
    stack.up()
    server = _process(stack, "postgres").pid
    with ExitStack() as held:
        with pytest.raises(NoConnection, match=r"connection slots|too many clients") as caught:
            while True:
                held.enter_context(stack.database())
        assert "holds connections" in caught.value.hint
        # Whatever else there is to do, its sessions are not ended for that.
        with pytest.raises(StackError, match=r"connection slots|too many clients"):
            stack.up()
        nginx = _process(stack, "nginx")
        nginx.kill()
        assert processes.wait_gone(nginx, 10)
        with pytest.raises(StackError, match=r"connection slots|too many clients"):
            stack.up()
    _await(lambda: _is_reachable(stack))
    stack.up()
    assert _process(stack, "postgres").pid == server


def _is_reachable(stack: Stack) -> bool:
    with suppress(NoConnection), stack.database():
        return True
    return False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PGSSLMODE", "require"),
        ("PGSERVICE", "x"),
        ("PGHOSTADDR", "192.0.2.1"),
        ("PGGSSENCMODE", "require"),
        ("PGTARGETSESSIONATTRS", "standby"),
        ("PGOPTIONS", "-c search_path=nowhere"),
    ],
)
def test_variables_for_other_databases_in_the_environment_are_ignored(
    scratch_stack: MakeStack, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    stack = scratch_stack()
    stack.up()
    with stack.database() as connection:
        assert connection.execute("select count(*) from notes").fetchone() == (0,)
    assert os.environ[name] == value


@contextmanager
def _clock_set_forward(seconds: float) -> Iterator[None]:
    """As when somebody sets the clock: the start times that psutil computes move with it."""
    with pytest.MonkeyPatch.context() as patch:
        real = psutil.Process.create_time
        patch.setattr(psutil.Process, "create_time", lambda process: real(process) + seconds)
        yield


def test_parts_are_found_after_the_clock_was_set(scratch_stack: MakeStack) -> None:
    stack = scratch_stack()
    stack.up()
    before = read_state(stack.home.state_file).parts
    with _clock_set_forward(3600):
        assert all(part.running for part in stack.status())
        stack.up()
        assert stack.report.already_running
        assert read_state(stack.home.state_file).parts == before
        assert stack.down()
    assert not any(psutil.pid_exists(part.pid) for part in before.values())


def test_a_process_that_got_the_number_of_a_part_is_not_taken_for_it(
    scratch_stack: MakeStack,
) -> None:
    stack = scratch_stack()
    stack.up()
    assert stack.down()
    # As after a restart of the machine: the numbers are ours and another server's.
    server = psutil.Popen(["sleep", "60"])
    parts = {
        "postgres": PartRecord(os.getpid(), 1, "17"),
        "nginx": PartRecord(server.pid, 2, "1"),
    }
    write_state(stack.home.state_file, StackState(parts))
    try:
        assert [part.running for part in stack.status()] == [False, False, False]
        assert not stack.down()
        assert processes.lives(server)
    finally:
        processes.end(server)


@pytest.mark.parametrize("text", ["{", None, "{}"])
def test_parts_that_the_state_file_does_not_name_are_found_by_down(
    scratch_stack: MakeStack, text: str | None
) -> None:
    stack = scratch_stack()
    stack.up()
    running = [_process(stack, name) for name in PARTS]
    if text is None:
        stack.home.state_file.unlink()
    else:
        stack.home.state_file.write_text(text)
    assert stack.down()
    assert not any(process.is_running() for process in running)


def test_parts_that_the_state_file_does_not_name_are_replaced_by_up(
    scratch_stack: MakeStack,
) -> None:
    stack = scratch_stack()
    ports = stack.up().db_port, read_state(stack.home.state_file).parts["nginx"].port
    running = [_process(stack, name) for name in PARTS]
    stack.home.state_file.write_text("{")
    # They keep the ports that are wanted.
    again = Stack(
        stack.home.root,
        db_port=ports[0],
        api_port=ports[1],
        migrations_folder=stack._migrations_folder,
    )
    steps: list[str] = []
    again.up(steps.append)
    for name in PARTS:
        assert any(step.startswith(f"{name} runs unrecorded") for step in steps)
    assert not any(process.is_running() for process in running)
    assert _answers(again)


def test_a_thread_may_connect_while_another_one_does(scratch_stack: MakeStack) -> None:
    stack = scratch_stack()
    stack.up()
    failures: list[BaseException] = []

    def connect() -> None:
        try:
            with stack.database() as connection:
                connection.execute("select 1")
        except (StackError, psycopg2.Error) as error:
            failures.append(error)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGSERVICE", "x")
        threads = [threading.Thread(target=connect) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert os.environ["PGSERVICE"] == "x"
    assert failures == []
