"""Sixteen processes at work while everything around them breaks: what was promised still holds."""

from __future__ import annotations

import random
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from tests.chaos import faults
from tests.chaos.client import COUNTED, REGISTER
from tests.chaos.proxy import LossyProxy
from tests.chaos.run import SIZE, Outcome, Run

from sharedstate.stack import Stack

SECONDS = 5.0
Begin = Callable[..., Run]


@pytest.fixture
def begin(fragile: Stack, tmp_path: Path) -> Begin:
    """Makes a run in a fresh workspace."""
    info = fragile.up()
    workspace = f"chaos-{uuid.uuid4().hex[:12]}"
    answer = httpx.post(
        f"{info.url}/rest/v1/rpc/init_workspace",
        json={"workspace_name": workspace},
        headers={"apikey": info.service_key},
        trust_env=False,
        timeout=30,
    )
    assert answer.status_code == 200, answer.text

    def make(port: int | None = None, seconds: float = SECONDS) -> Run:
        return Run(info, workspace, tmp_path, seconds, port)

    return make


@pytest.fixture
def database(fragile: Stack) -> Iterator[Callable[[], psycopg.Connection[Any]]]:
    """Connects to the database as it runs then."""
    opened = []

    def connect() -> psycopg.Connection[Any]:
        connection = psycopg.connect(fragile.info.database_url, autocommit=True)
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        connection.close()


def judge(run: Run, connection: psycopg.Connection[Any]) -> Outcome:
    """All promises, whatever went wrong."""
    outcome = Outcome(run.records(), connection, run.workspace)
    strange = [one["answer"] for one in outcome.records if one["kind"] == "strange"]
    assert strange == []
    assert outcome.many("end", True) == SIZE
    for resource in COUNTED:
        verdict = outcome.verdict_on_lock(resource)
        assert verdict, f"{resource}: {verdict}"
        nothing_acknowledged_is_lost(outcome, resource)
        tokens_only_grow(outcome, resource)
    verdict = outcome.verdict_on_register(REGISTER)
    assert verdict, str(verdict)
    assert outcome.overtaken() == [], "a grant passed over somebody who waited"
    assert outcome.many("write", True) > 10
    assert outcome.many("compare_and_set", True) > 10
    return outcome


def nothing_acknowledged_is_lost(outcome: Outcome, resource: str) -> None:
    acknowledged = outcome.many("write", True, resource)
    unknown = outcome.many("write", None, resource)
    assert acknowledged <= outcome.count(resource) <= acknowledged + unknown


def tokens_only_grow(outcome: Outcome, resource: str) -> None:
    tokens = outcome.tokens(resource)
    assert tokens == sorted(set(tokens))
    heard_of = [one.answer for one in outcome.history(resource) if one.kind == "acquire"]
    known = [token for token in heard_of if token is not None]
    assert len(known) == len(set(known))
    assert set(known) <= set(tokens)


def soon(seconds: float = SECONDS) -> float:
    return time.monotonic() + seconds


def test_in_quiet_times_all_promises_hold_and_nothing_is_unknown(
    fragile: Stack, begin: Begin, database: Callable[[], psycopg.Connection[Any]]
) -> None:
    run = begin(seconds=3.0)
    with run.at_work():
        pass
    outcome = judge(run, database())
    assert all(one["returned"] is not None for one in outcome.records)
    assert outcome.many("write", False) == 0
    assert outcome.grants_in_a_crowd() > 10


def test_clients_that_are_stopped_and_continued_break_no_promise(
    fragile: Stack, begin: Begin, database: Callable[[], psycopg.Connection[Any]]
) -> None:
    run = begin()
    with run.at_work() as clients:
        assert faults.stop_clients(clients, soon(), random.Random(1)) > 0
    judge(run, database())


def test_holders_that_are_stopped_beyond_their_lease_cannot_write_when_they_go_on(
    fragile: Stack, begin: Begin, database: Callable[[], psycopg.Connection[Any]]
) -> None:
    run = begin()
    with run.at_work() as clients:
        stopped = faults.stop_holders(fragile, run.workspace, clients, soon())
    outcome = judge(run, database())
    refused = sum(outcome.many(kind, False) for kind in ("write", "renew", "release"))
    assert stopped > 1 and refused > 0


def test_answers_that_are_lost_after_the_commit_break_no_promise(
    fragile: Stack, begin: Begin, database: Callable[[], psycopg.Connection[Any]]
) -> None:
    with LossyProxy(fragile.info.url, loss=0.2) as proxy:
        run = begin(port=proxy.port)
        with run.at_work():
            pass
    assert proxy.lost > 50
    judge(run, database())


def test_killing_postgrest_breaks_no_promise(
    fragile: Stack, begin: Begin, database: Callable[[], psycopg.Connection[Any]]
) -> None:
    run = begin()
    with run.at_work():
        times = faults.end_and_start_again(fragile, "postgrest", signal.SIGKILL, soon(), pause=0.7)
    assert times > 1
    judge(run, database())


def test_ending_its_sessions_breaks_no_promise(
    fragile: Stack, begin: Begin, database: Callable[[], psycopg.Connection[Any]]
) -> None:
    run = begin()
    with run.at_work():
        assert faults.terminate_backends(fragile, soon()) > 20
    judge(run, database())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["restart", "kill -9"])
def test_ending_postgres_breaks_no_promise(
    fragile: Stack,
    begin: Begin,
    database: Callable[[], psycopg.Connection[Any]],
    how: signal.Signals,
) -> None:
    run = begin()
    with run.at_work():
        times = faults.end_and_start_again(fragile, "postgres", how, soon(), pause=1.5)
    assert times > 0
    judge(run, database())
