"""Sixteen processes at work while everything around them breaks: what was promised still holds."""

from __future__ import annotations

import random
import signal
import uuid
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.chaos import faults
from tests.chaos.client import COUNTED, REGISTER
from tests.chaos.proxy import LossyProxy
from tests.chaos.run import ENOUGH, SIZE, Outcome, Run

from sharedstate_ops.stack import Stack

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

    def make(port: int | None = None, ttl_seconds: int = 1) -> Run:
        return Run(info, workspace, tmp_path, port, ttl_seconds)

    return make


def judge(run: Run) -> Outcome:
    """All promises, whatever went wrong."""
    outcome = run.outcome()
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


def test_in_quiet_times_all_promises_hold_and_nothing_is_unknown(begin: Begin) -> None:
    # So long that a slow machine is no fault: nobody may come too late here.
    run = begin(ttl_seconds=60)
    with run.at_work(lambda outcome: outcome.grants_in_a_crowd() > ENOUGH):
        pass
    outcome = judge(run)
    assert all(one["returned"] is not None for one in outcome.records)
    assert outcome.many("write", False) == 0


def test_clients_that_are_stopped_and_continued_break_no_promise(begin: Begin) -> None:
    run = begin()
    with run.at_work() as clients:
        faults.stop_clients(clients, times=5, dice=random.Random(1))
    judge(run)


def test_holders_that_are_stopped_beyond_their_lease_cannot_write_when_they_go_on(
    fragile: Stack, begin: Begin
) -> None:
    run = begin()
    with run.at_work(is_refused) as clients:
        faults.stop_holders(fragile, run.workspace, clients, times=4)
    judge(run)


def is_refused(outcome: Outcome) -> bool:
    """Whether somebody came too late."""
    return any(outcome.many(kind, False) for kind in ("write", "renew", "release"))


def test_answers_that_are_lost_after_the_commit_break_no_promise(
    fragile: Stack, begin: Begin
) -> None:
    with LossyProxy(fragile.info.url, loss=0.2) as proxy:
        run = begin(port=proxy.port)
        with run.at_work(lambda _: proxy.lost > 50):
            pass
    judge(run)


def test_killing_postgrest_breaks_no_promise(fragile: Stack, begin: Begin) -> None:
    run = begin()
    with run.at_work():
        faults.end_and_start_again(fragile, "postgrest", signal.SIGKILL, times=3, pause=0.7)
    judge(run)


def test_ending_its_sessions_breaks_no_promise(fragile: Stack, begin: Begin) -> None:
    run = begin()
    with run.at_work():
        faults.terminate_backends(fragile, sessions=40)
    judge(run)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["restart", "kill -9"])
def test_ending_postgres_breaks_no_promise(
    fragile: Stack, begin: Begin, how: signal.Signals
) -> None:
    run = begin()
    with run.at_work():
        faults.end_and_start_again(fragile, "postgres", how, times=2, pause=1.5)
    judge(run)
