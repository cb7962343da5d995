"""All that an agent has to know now, in one read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from tests.sql.bad_values import NAMES
from tests.sql.support import Api, Row
from tests.sql.waiting import POWER, SHELL, SKELETON, Client, Make, silence

NAME = "skeleton_agent"
RUN = "cc:7:main"


def situation(api: Api, agent_name: str = NAME, execution_id: str = RUN) -> Row:
    answer: Row = api.do("get_situation", agent_name=agent_name, execution_id=execution_id)
    return answer


def me(api: Api) -> Client:
    return Client(api, RUN)


def test_who_does_nothing_yet_is_told_its_subsystem_and_its_budget(api: Api) -> None:
    answer = situation(api)
    assert datetime.fromisoformat(answer.pop("server_time")).tzinfo is not None
    (usage,) = [row for row in answer.pop("budget") if row["quantity"] == "mass_kg"]
    assert (usage["name"], usage["allocated"], usage["used"]) == ("skeleton", 15, 0)
    nothing = ("leases", "waits", "blocked_by", "conflicts", "stale_inputs", "activity")
    assert answer == {
        **{"agent_name": NAME, "execution_id": RUN, "subsystem": "skeleton"},
        **{key: [] for key in nothing},
    }


def test_it_tells_what_the_execution_holds_and_not_what_has_lapsed(api: Api) -> None:
    me(api).holds(SKELETON, POWER)
    Client(api, "another").holds(SHELL)
    leases = api.rows("agent_locks", execution_id=f"eq.{RUN}", order="resource_name")
    assert situation(api)["leases"] == leases
    api.lapse(leases[0])
    assert situation(api)["leases"] == leases[1:]


def test_it_tells_what_the_execution_waits_for_its_place_and_who_holds_it(
    api: Api, make: Make
) -> None:
    make("holder").holds(SKELETON)
    first = make("first").waits(SKELETON)
    mine = me(api).waits(SKELETON, POWER)
    make("last").waits(SKELETON)
    until = api.rows("agent_locks")[0]["expires_at"]
    power, skeleton = situation(api)["waits"]
    assert (power["resource_name"], power["position"]) == ("power", 1)
    assert (power["held_by"], power["held_until"]) == (None, None)
    assert (skeleton["resource_name"], skeleton["position"]) == ("skeleton", 2)
    assert (skeleton["held_by"], skeleton["held_until"]) == ("holder", until)
    assert power["request_id"] == skeleton["request_id"] == mine.request_id
    first.cancel()
    assert [wait["position"] for wait in situation(api)["waits"]] == [1, 1]
    silence(mine)
    assert situation(api)["waits"] == []


def test_it_tells_the_conflicts_of_the_agent_and_which_of_them_block_it(api: Api) -> None:
    def log(source: str, target: str, *blocks: str) -> int:
        said = {"severity": "high", "description": "?", "blocks": list(blocks)}
        number: int = api.do("log_conflict", source=source, target=target, **said)["conflict_id"]
        return number

    mine, aimed, blocking = log(NAME, "x"), log("x", NAME), log("x", "y", "skeleton_designer")
    log("x", "y", "power_agent")
    solved = log(NAME, "y")
    api.do("resolve_conflict", conflict_id=solved, resolution="!", resolved_by="y")
    answer = situation(api)
    assert [one["conflict_id"] for one in answer["conflicts"]] == [mine, aimed, blocking]
    assert [one["conflict_id"] for one in answer["blocked_by"]] == [blocking]


def test_the_budget_is_that_of_budget_usage(api: Api, subtests: pytest.Subtests) -> None:
    run = {"agent_name": "a", "execution_id": "b"}
    for subsystem in ("skeleton", "unbudgeted"):
        status = {"current_mass_kg": 3.25, "current_cost_usd": 1000}
        api.do("update_subsystem_status", subsystem=subsystem, status=status, execution_id="b")
    api.do("reserve_budget", subsystem="skeleton", mass_kg=1.5, **run)
    for name, rows in (("skeleton_designer", 2), ("power", 3), ("unbudgeted", 2), ("nobody", 0)):
        with subtests.test(name):
            answer = situation(api, name)
            usage = api.rows("budget_usage", name=f"eq.{answer['subsystem']}", order="quantity")
            assert answer["budget"] == usage
            assert len(usage) == rows


def test_it_tells_which_inputs_of_the_subsystem_have_changed(api: Api) -> None:
    reads: Row = {"subsystem": "skeleton", "on_subsystem": "power", "document": "interfaces"}
    api.do("record_dependency", **reads, agent_name=NAME)
    assert situation(api)["stale_inputs"] == []
    published = {"subsystem": "power", "interfaces": {"plug": 1}, "created_by": "power_agent"}
    api.do("update_subsystem_interfaces", **published)
    (status,) = api.rows("system_status", name="eq.skeleton")
    assert situation(api)["stale_inputs"] == status["stale_inputs"] != []


def test_it_tells_the_newest_entries_of_the_agent_in_the_log(api: Api) -> None:
    entries: list[Any] = [{"agent_name": NAME, "activity": f"step {n}"} for n in range(25)]
    api.do("log_agent_activities", entries=[*entries, {"agent_name": "x", "activity": "else"}])
    newest = [entry["activity"] for entry in situation(api)["activity"]]
    assert newest == [f"step {number}" for number in range(24, 4, -1)]


def test_it_shows_nothing_of_another_workspace(api: Api, new_workspace: Any) -> None:
    other: Api = new_workspace()
    before = situation(other)
    me(api).holds(SKELETON)
    api.do("log_conflict", severity="low", source=NAME, target="x", description="?")
    api.do("update_subsystem_status", subsystem="skeleton", status={"current_mass_kg": 1},
           execution_id=RUN)  # fmt: skip
    del before["server_time"]
    assert {key: situation(other)[key] for key in before} == before


def test_a_name_that_nobody_can_have_is_an_error_and_not_nothing_to_know(api: Api) -> None:
    for argument in ("agent_name", "execution_id"):
        for name in NAMES:
            names = {"agent_name": NAME, "execution_id": RUN, argument: name}
            detail = api.refused("get_situation", "invalid_argument", **names)
            assert detail["argument"] == argument


def test_it_can_be_asked_by_get_as_every_read(api: Api) -> None:
    params = {"agent_name": NAME, "execution_id": RUN}
    answer = api.http.get("/rpc/get_situation", params=params, headers=api.headers())
    assert (answer.status_code, answer.json()["subsystem"]) == (200, "skeleton")
