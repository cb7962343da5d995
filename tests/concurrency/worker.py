"""What one client process of the races does: it takes jobs from a pipe and answers each.

What races are real processes with connections of their own.
"""

from __future__ import annotations

import random
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import httpx

from sharedstate import SharedState
from sharedstate.errors import LeaseLost

Json = dict[str, Any]
SUBSYSTEM = "skeleton"


class Worker:
    """Does the jobs: each method is one kind, called with the keys of the job."""

    def __init__(self, url: str, key: str, operator_key: str, name: str) -> None:
        self.url, self.name = url, name
        self.keys = {False: key, True: operator_key}
        self.http = httpx.Client(base_url=f"{url}/rest/v1", timeout=60, trust_env=False)
        self.half_done: tuple[SharedState, int] | None = None
        self.waits_for = str(uuid.uuid4())

    def call(
        self, workspace: str, name: str, arguments: Json, operator: bool = False
    ) -> tuple[int, Any]:
        answer = self.http.post(
            f"/rpc/{name}",
            json=arguments,
            headers={"apikey": self.keys[operator], "x-workspace": workspace},
        )
        return answer.status_code, answer.json() if answer.content else None

    def read(self, workspace: str) -> Json:
        answer = self.http.get(
            "/subsystems",
            params={"name": f"eq.{SUBSYSTEM}"},
            headers={"apikey": self.keys[False], "x-workspace": workspace},
        )
        row: Json = answer.json()[0]
        return row

    def state(self, workspace: str) -> SharedState:
        return SharedState(self.name, workspace=workspace, url=self.url, key=self.keys[False])

    # Jobs

    def ping(self) -> str:
        return self.name

    def calls(self, workspace: str, calls: list[tuple[str, Json]]) -> list[tuple[int, Any]]:
        """RPCs, one after the other."""
        return [self.call(workspace, name, arguments) for name, arguments in calls]

    def operate(self, workspace: str, calls: list[tuple[str, Json]]) -> list[tuple[int, Any]]:
        """The same with the operator's key."""
        return [self.call(workspace, name, arguments, True) for name, arguments in calls]

    def threads(self, workspace: str, calls: list[tuple[str, Json]]) -> list[tuple[int, Any]]:
        """RPCs, each in a thread of its own, all at once."""
        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(lambda call: self.call(workspace, *call), calls))

    def enter(self, workspace: str, times: int) -> int:
        """Take the lease, say so in the log, say that it is left, release; `times` over."""
        done = 0
        lease = {"resource_type": "door", "resource_name": "narrow", "execution_id": self.name}
        while done < times:
            _, granted = self.call(workspace, "acquire_lock", {**lease, "agent_name": self.name})
            if not granted:
                time.sleep(random.uniform(0, 0.005))
                continue
            for activity in ("entered", "left"):
                self.call(
                    workspace,
                    "log_agent_activity",
                    {
                        "agent_name": self.name,
                        "activity": activity,
                        "details": {"token": granted[0]["fencing_token"]},
                    },
                )
            self.call(workspace, "release_lock", lease)
            done += 1
        return done

    def compare_and_set(self, workspace: str, times: int) -> int:
        """Count up without a lock, by the version alone, until `times` writes were accepted."""
        done = 0
        while done < times:
            row = self.read(workspace)
            count = row["metadata"].get("count", 0) + 1
            status, _ = self.call(
                workspace,
                "update_subsystem_status",
                {
                    "subsystem": SUBSYSTEM,
                    "status": {"count": count, "version": row["version"]},
                    "execution_id": self.name,
                },
            )
            done += status == 200
        return done

    def count(self, workspace: str, times: int) -> Json:
        """Count up under a lease of one second, until `times` writes were acknowledged."""
        done = lost = 0
        with self.state(workspace) as state:
            while done < times:
                if not state.acquire_lock("subsystem", SUBSYSTEM, self.name, ttl_seconds=1):
                    time.sleep(random.uniform(0, 0.02))
                    continue
                try:
                    row = state.get_subsystem_status(SUBSYSTEM)
                    assert row is not None
                    count = row["metadata"].get("count", 0) + 1
                    # Without the version: only the fencing token stands against a lost update.
                    state.update_subsystem_status(SUBSYSTEM, {"count": count})
                    done += 1
                except LeaseLost:
                    lost += 1
                state.release_lock("subsystem", SUBSYSTEM)
        return {"done": done, "lost": lost}

    def wait_until_unblocked(self, workspace: str, agent_name: str) -> Json:
        """Wait, and tell when that began and ended by the machine's clock."""
        with self.state(workspace) as state:
            began = time.time()
            free = state.wait_until_unblocked(agent_name, timeout=60)
            return {"free": free, "began": began, "ended": time.time()}

    def begin(self, workspace: str, ttl_seconds: int) -> Json:
        """The first half of one step of `count`."""
        state = self.state(workspace)
        lease = state.acquire_lock("subsystem", SUBSYSTEM, self.name, ttl_seconds)
        row = state.get_subsystem_status(SUBSYSTEM)
        assert lease is not None and row is not None
        self.half_done = (state, row["metadata"].get("count", 0) + 1)
        return {"expires_at": str(lease.expires_at)}

    def finish(self) -> str:
        """The second half: "written", or the slug of the error."""
        assert self.half_done is not None
        state, count = self.half_done
        with state:
            try:
                state.update_subsystem_status(SUBSYSTEM, {"count": count})
            except LeaseLost as problem:
                return problem.slug
        return "written"

    def storm(self, workspace: str, times: int, seed: int) -> list[tuple[str, int, Any]]:
        """Calls of every kind on two subsystems in random order: (function, status, answer)."""
        dice = random.Random(seed)
        tokens: dict[str, int] = {}
        done = []
        for _ in range(times):
            name, arguments, operator = self.any_call(dice, tokens, workspace)
            status, answer = self.call(workspace, name, arguments, operator)
            if name in ("acquire_lock", "checkout_subsystem") and status == 200 and answer:
                lease = answer[0].get("lease", answer[0])
                if lease is not None:  # none while a critical conflict blocks it
                    tokens[lease["resource_name"]] = lease["fencing_token"]
            done.append((name, status, answer if status != 200 else None))
        return done

    def any_call(
        self, dice: random.Random, tokens: dict[str, int], workspace: str
    ) -> tuple[str, Json, bool]:
        one = dice.choice(["skeleton", "power"])
        resource = {"resource_type": "subsystem", "resource_name": one}
        run = {"execution_id": self.name}
        agent = {"agent_name": self.name, **run}
        token = {"fencing_token": tokens.get(one, 1)}
        by = {"subsystem": one, "created_by": self.name}
        conflict = {"severity": "low", "source": self.name, "target": "x", "description": "?"}
        same = {**conflict, "source": "anybody", "conflict_key": "?", "blocks": [self.name]}
        about = {"conflict_id": dice.randint(1, 50), "agent_name": self.name}
        solved = {"conflict_id": dice.randint(1, 50), "resolution": "!", "resolved_by": self.name}
        force = {**resource, "released_by": self.name, "reason": "storm"}
        entries = [{"name": name, "state": "x"} for name in ("power", "skeleton", self.name)]
        document = {"format": "sharedstate/1", "subsystems": entries, "global_constraints": []}
        checkin = {"subsystem": one, **agent, **token, "status": {"n": 1}, "design_data": {}}
        both = [{"resource_type": "subsystem", "resource_name": n} for n in ("skeleton", "power")]
        waiting = {**agent, "wait_seconds": 5, "ttl_seconds": 1}
        new = {"request_id": str(uuid.uuid4())}
        known = {"request_id": self.waits_for}
        dice.shuffle(both)
        if dice.random() < 0.3:
            self.waits_for = new["request_id"]
        offers: list[tuple[str, Json, bool]] = [
            ("acquire_lock", {**resource, **waiting, **new}, False),
            ("acquire_locks", {"resources": both, **waiting, **new}, False),
            ("wait_for_lock", known, False),
            ("cancel_lock_request", known, False),
            ("get_lock_status", resource, False),
            ("acquire_lock", {**resource, **agent}, False),
            ("checkout_subsystem", {"subsystem": one, **agent}, False),
            ("renew_lock", {**resource, **run, **token}, False),
            ("release_lock", {**resource, **run}, False),
            ("release_execution", run, False),
            ("get_situation", agent, False),
            ("cleanup_expired_locks", {}, False),
            ("update_subsystem_status", {"subsystem": one, "status": {"n": 2}, **run}, False),
            (
                "update_subsystem_status",
                {"subsystem": one, "status": {"n": 3}, **run, **token},
                False,
            ),
            ("checkin_subsystem", {**checkin, "release": True}, False),
            ("checkin_subsystem", {**checkin, "release": False, "interfaces": {}}, False),
            ("update_subsystem_requirements", {**by, "requirements": {}}, False),
            ("update_subsystem_interfaces", {**by, "interfaces": {}, **run}, False),
            ("update_subsystem_design", {**by, "design_data": {}, **token}, False),
            (
                "update_global_constraints",
                {"constraints": {"height_m": 1}, "created_by": self.name},
                False,
            ),
            *self.any_budget_call(dice, one),
            ("log_conflict", conflict, False),
            ("log_conflict", {**same, "severity": "critical"}, False),
            ("log_conflict", {**same, "target": "y"}, False),
            ("add_conflict_note", {**about, "note": "?"}, False),
            ("reassign_conflict", {**about, "target_agent": "y", "reason": "?"}, False),
            ("reopen_conflict", {**about, "reason": "?"}, False),
            ("wait_until_unblocked", {"agent_name": self.name}, False),
            ("resolve_conflict", solved, False),
            ("log_agent_activities", {"entries": entries_of(self.name), **run}, False),
            ("read_activity", {"cursor": "0/0", "agent_name": self.name}, False),
            ("get_recent_activity", run, False),
            ("prune_activity", {"older_than": "2026-01-01T00:00:00Z"}, True),
            ("export_state", {}, False),
            ("force_release_lock", force, True),
            ("init_workspace", {"workspace_name": workspace}, True),
            ("import_state", {"document": document}, True),
        ]
        return dice.choice(offers)

    def any_budget_call(self, dice: random.Random, one: str) -> list[tuple[str, Json, bool]]:
        """Calls that use, hold and move budget; some exceed it and open conflicts."""
        agent = {"agent_name": self.name, "execution_id": self.name}
        source, target = dice.sample(["skeleton", "power", "reserve"], 2)
        move = {"from_subsystem": source, "to_subsystem": target, "reason": "storm"}
        masses = {name: {"mass_kg": dice.randint(5, 20)} for name in ("skeleton", "power")}
        allocations = {**masses, "reserve": {"mass_kg": 5}}
        fewer = {name: allocations[name] for name in dice.sample(sorted(allocations), 2)}
        others = {**agent, "status": {"current_mass_kg": dice.randint(0, 4)}}
        del others["agent_name"]
        new = f"new-{dice.randint(1, 9)}"
        status = {"current_mass_kg": dice.randint(0, 20)}
        written = {"subsystem": one, "status": status, "execution_id": self.name}
        offers: list[tuple[str, Json]] = [
            ("transfer_budget", {**move, **agent, "mass_kg": dice.randint(1, 3)}),
            ("reserve_budget", {"subsystem": source, **agent, "mass_kg": 1, "ttl_seconds": 1}),
            ("reserve_budget", {"subsystem": target, **agent, "mass_kg": 2, "ttl_seconds": 60}),
            ("release_budget", {"reservation_id": str(uuid.uuid4()), "execution_id": self.name}),
            ("update_subsystem_status", written),
            ("update_subsystem_status", {**written, "strict": True}),
            ("update_subsystem_status", {**others, "subsystem": "integration"}),
            ("update_subsystem_status", {**others, "subsystem": new, "strict": True}),
            *(
                (
                    "update_global_constraints",
                    {"constraints": {"budget_allocations": each}, "created_by": self.name},
                )
                for each in (allocations, fewer)
            ),
        ]
        return [(name, arguments, False) for name, arguments in offers]


def entries_of(agent: str) -> list[Json]:
    return [{"agent_name": agent, "activity": activity} for activity in ("started", "complete")]


def serve(line: Connection, url: str, key: str, operator_key: str, name: str) -> None:
    """The process, until its jobs end."""
    worker = Worker(url, key, operator_key, name)
    with suppress(EOFError):
        while job := line.recv():
            line.send(getattr(worker, job.pop("job"))(**job))
