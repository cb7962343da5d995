"""The activity log over HTTP against a list: writing, pages, followers, pruning, by chance."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import hypothesis.strategies as st
import psycopg
from hypothesis import settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.sql.support import Api, make_workspace

Json = dict[str, Any]
AGENTS = st.sampled_from(["power_agent", "shell_agent"])
ACTIVITIES = st.sampled_from(["started", "complete"])
RUNS = st.sampled_from(["run-1", "run-2"])
FILTERS = st.fixed_dictionaries(
    {}, optional={"agent_name": AGENTS, "activity": ACTIVITIES, "execution_id": RUNS}
)
_numbers = itertools.count()


class Follower:
    """Asks with its cursor; keeps what it got."""

    def __init__(self, filters: Json, size: int) -> None:
        self.filters, self.size = filters, size
        self.cursor = "0/0"
        self.got: list[int] = []


def fits(row: Json, filters: Json) -> bool:
    return all(row[name] == value for name, value in filters.items())


class Log(RuleBasedStateMachine):
    """What was committed is known; open transactions commit, or not, when chance says so."""

    base: Api  # of the test
    transactions = Bundle("transactions")

    def __init__(self) -> None:
        super().__init__()
        name = f"{self.base.workspace}-{next(_numbers)}"
        self.api = make_workspace(self.base.http, self.base.stack, name)
        self.rows: list[Json] = self.api.log()
        self.pruned: set[int] = set()
        self.followers = [Follower({}, 1000)]
        self.open: list[tuple[psycopg.Connection[Any], list[int]]] = []

    def teardown(self) -> None:
        for connection, _ in self.open:
            connection.close()
        self.wait_until_settled()
        for follower in self.followers:
            while self.ask(follower):
                pass
            self.check(follower, is_whole=True)

    # Writing

    @rule(agent=AGENTS, activity=ACTIVITIES, run=RUNS, size=st.integers(0, 3))
    def log(self, agent: str, activity: str, run: str, size: int) -> None:
        entry = {"agent_name": agent, "activity": activity}
        if size == 0:
            self.rows.append(self.api.do("log_agent_activity", **entry, execution_id=run))
            return
        identity = str(uuid.uuid4())
        call = {"entries": [entry] * size, "execution_id": run, "request_id": identity}
        rows = self.api.do("log_agent_activities", **call)
        assert rows == self.api.do("log_agent_activities", **call)
        self.rows += rows

    @precondition(lambda self: len(self.open) < 3)
    @rule(target=transactions, agent=AGENTS, activity=ACTIVITIES, run=RUNS)
    def begin(self, agent: str, activity: str, run: str) -> Any:
        connection = psycopg.connect(self.api.stack.database_url)
        row = connection.execute(
            "select (core.write_activity(%s, %s, %s, '{}', %s)).id",
            [self.api.workspace, agent, activity, run],
        ).fetchone()
        assert row is not None
        self.open.append((connection, [row[0]]))
        return self.open[-1]

    @rule(transaction=consumes(transactions), commits=st.booleans())
    def end(self, transaction: Any, commits: bool) -> None:
        connection, ids = transaction
        if commits:
            connection.commit()
            for number in ids:
                self.rows += self.api.rows("agent_activity_logs", id=f"eq.{number}")
        connection.close()
        self.open.remove(transaction)

    # Reading

    @property
    def newest_first(self) -> list[Json]:
        kept = [row for row in self.rows if row["id"] not in self.pruned]
        return sorted(kept, key=lambda row: (row["timestamp"], row["id"]), reverse=True)

    @rule(filters=FILTERS, size=st.integers(1, 4))
    def read_pages(self, filters: Json, size: int) -> None:
        found: list[Json] = []
        more: Json = {}
        while page := self.api.do("get_recent_activity", limit_count=size, **filters, **more):
            found += page
            more = {"before_id": page[-1]["id"]}
        assert found == [row for row in self.newest_first if fits(row, filters)]

    @rule(filters=FILTERS, size=st.integers(1, 5))
    def follow(self, filters: Json, size: int) -> None:
        self.followers.append(Follower(filters, size))

    @rule()
    def step(self) -> None:
        for follower in self.followers:
            self.ask(follower)
            self.check(follower, is_whole=False)

    def ask(self, follower: Follower) -> bool:
        """One call; whether there is more."""
        page = self.api.do(
            "read_activity",
            cursor=follower.cursor,
            limit_count=follower.size,
            **follower.filters,
        )
        follower.got += [row["id"] for row in page["entries"]]
        follower.cursor = page["cursor"]
        return bool(page["more"])

    def wait_until_settled(self) -> None:
        """Transactions of the server's own may hold followers back for a moment."""
        newest = max(int(row["transaction_id"]) for row in self.rows)
        horizon = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        while self.api.sql(horizon)[0][0] <= newest:
            self.api.sql("select pg_sleep(0.005)")

    def check(self, follower: Follower, *, is_whole: bool) -> None:
        """In the order of transactions, nothing twice, without a gap up to where it stands."""
        order = sorted(self.rows, key=lambda row: (int(row["transaction_id"]), row["id"]))
        fitting = [row["id"] for row in order if fits(row, follower.filters)]
        assert len(set(follower.got)) == len(follower.got)
        assert [number for number in fitting if number in set(follower.got)] == follower.got
        last = fitting.index(follower.got[-1]) + 1 if follower.got else 0
        expected = fitting if is_whole else fitting[:last]
        # What was pruned before it came along is the only thing that it may not have.
        assert set(expected) - set(follower.got) <= self.pruned

    # Operators

    @precondition(lambda self: len(self.rows) > 4)
    @rule(position=st.integers(0, 10), size=st.integers(1, 3))
    def prune(self, position: int, size: int) -> None:
        kept = self.newest_first[::-1]
        before = kept[min(position, len(kept) - 1)]["timestamp"]
        old = [row["id"] for row in kept if row["timestamp"] < before]
        count = self.api.operate("prune_activity", older_than=before, limit_count=size)
        assert count == min(size, len(old))
        self.pruned |= set(old[:count])
        if count:
            self.rows += self.api.log("activity_pruned")[-1:]


def test_any_order_of_calls_gives_pages_and_followers_what_was_committed(api: Api) -> None:
    Log.base = api
    run_state_machine_as_test(
        Log, settings=settings(max_examples=30, stateful_step_count=30, deadline=None)
    )
