"""Leases and waiting by the MCP tools, and what an agent is told that does not get its way."""

from __future__ import annotations

from tests.agents.mcp_support import ME, OTHER, Server
from tests.awaiting import await_answer

from sharedstate import SharedState


def test_without_hooks_agents_are_told_apart_by_their_names(
    server: Server, other: SharedState, subsystem: str
) -> None:
    server.call("checkout", subsystem=subsystem, agent_name=OTHER)
    assert not server.call("checkout", subsystem=subsystem, agent_name=ME)["granted"]
    lock = other.get_lock("subsystem", subsystem)
    assert lock and lock["execution_id"] == f"cc:session-7:{OTHER}"
    run = {"subsystem": f"{subsystem}-2", "agent_name": ME, "execution_id": "cc:session-7:sub-4"}
    server.call("checkout", **run)
    lock = other.get_lock("subsystem", f"{subsystem}-2")
    assert lock and lock["execution_id"] == "cc:session-7:sub-4"


def test_a_lease_is_renewed_by_calls_of_its_agent_alone_and_once_a_minute(
    server: Server, other: SharedState, subsystem: str
) -> None:
    server.call("checkout", subsystem=subsystem, agent_name=subsystem)
    before = other.get_lock("subsystem", subsystem)
    server.call("my_situation", agent_name=OTHER)
    server.call("overview", subsystem=subsystem)
    server.call("my_situation", agent_name=subsystem)  # within a minute of the checkout
    assert other.get_lock("subsystem", subsystem) == before


def test_who_finds_it_held_is_told_by_whom_until_when_and_what_to_do(
    server: Server, other: SharedState, subsystem: str
) -> None:
    other.acquire_lock("subsystem", subsystem, OTHER, ttl_seconds=60)
    answer = server.call("checkout", subsystem=subsystem, agent_name=ME)
    assert not answer["granted"]
    assert answer["held_by"]["held_by"] == OTHER
    assert 50 <= answer["held_by"]["in_seconds"] <= 60
    assert "wait_seconds=45" in answer["next"]
    assert "place" not in answer
    written = {"set": {"/a": 1}, "base_version": 0, "agent_name": ME}
    text = server.refused("save", subsystem=subsystem, document="design", **written)
    assert f"{OTHER} holds subsystem {subsystem} until" in text
    assert "UTC (in " in text
    assert "Call checkout with wait_seconds=45" in text


def test_a_place_in_line_is_kept_from_one_call_to_the_next(
    server: Server, other: SharedState, subsystem: str
) -> None:
    lease = other.acquire_lock("subsystem", subsystem, OTHER)
    first = server.call("checkout", subsystem=subsystem, agent_name=ME, wait_seconds=1)
    assert first["place"]["position"] == 1
    assert "number 1 in line" in first["next"]
    seen = server.call("overview", subsystem=subsystem)
    assert [(place["position"], place["agent"]) for place in seen["queue"]] == [(1, ME)]
    assert seen["counts"].keys() == {"subsystems", "conflicts", "leases", "queue"}
    asked_first = other.get_lock_status("subsystem", subsystem)["queue"][0]["waiting_since"]
    again = server.call("checkout", subsystem=subsystem, agent_name=ME, wait_seconds=1)
    assert not again["granted"]
    queue = other.get_lock_status("subsystem", subsystem)["queue"]
    assert [place["waiting_since"] for place in queue] == [asked_first]
    assert lease
    other.release_lock("subsystem", subsystem)
    taken = server.call("checkout", subsystem=subsystem, agent_name=ME, wait_seconds=20)
    assert taken["granted"]
    assert taken["lease"]["in_seconds"] > 200
    server.call("save", subsystem=subsystem, document="design", base_version=0, set={"/a": 1},
                agent_name=ME)  # fmt: skip
    assert server.call("checkin", subsystem=subsystem, agent_name=ME, state="x")["released"]


def test_what_was_granted_to_a_waiter_that_does_not_want_it_any_more_is_given_back(
    server: Server, other: SharedState, subsystem: str
) -> None:
    other.acquire_lock("subsystem", subsystem, OTHER)
    server.call("checkout", subsystem=subsystem, agent_name=ME, wait_seconds=1)
    other.release_lock("subsystem", subsystem)

    def holder() -> str | None:
        lock = other.get_lock("subsystem", subsystem)
        return lock["locked_by"] if lock else None

    await_answer(holder, ME)
    assert server.call("release", name=subsystem, agent_name=ME)["released"]
    assert holder() is None


def test_who_waited_has_read_the_inputs_that_came_with_the_lease(
    server: Server, other: SharedState, subsystem: str
) -> None:
    source = f"{subsystem}-source"
    other.update_subsystem_interfaces(source, {"n": 1}, OTHER)
    server.call("checkout", subsystem=subsystem, agent_name=ME, reads=[source])
    server.call("checkin", subsystem=subsystem, agent_name=ME, state="complete")
    other.acquire_lock("subsystem", subsystem, OTHER)
    other.update_subsystem_interfaces(source, {"n": 2}, OTHER)
    server.call("checkout", subsystem=subsystem, agent_name=ME, reads=[source], wait_seconds=1)
    other.release_lock("subsystem", subsystem)
    taken = server.call(
        "checkout", subsystem=subsystem, agent_name=ME, reads=[source], wait_seconds=20
    )
    assert [one["version"] for one in taken["inputs"]] == [2]
    assert server.call("checkin", subsystem=subsystem, agent_name=ME, state="complete")["released"]


def test_stale_inputs_are_told_and_a_second_checkout_by_the_holder_helps(
    server: Server, other: SharedState, subsystem: str
) -> None:
    source = f"{subsystem}-source"
    other.update_subsystem_interfaces(source, {"n": 1}, OTHER)
    server.call("checkout", subsystem=subsystem, agent_name=ME, reads=[source])
    other.update_subsystem_interfaces(source, {"n": 2}, OTHER)
    text = server.refused("checkin", subsystem=subsystem, agent_name=ME, state="complete")
    assert f"{source}/interfaces is at version 2, you read 1" in text
    assert "Call checkout again with the same reads" in text
    assert server.call("checkout", subsystem=subsystem, agent_name=ME, reads=[source])["granted"]
    assert server.call("checkin", subsystem=subsystem, agent_name=ME, state="complete")["released"]


def test_a_lease_that_has_ended_is_told_and_nothing_is_written(
    server: Server, other: SharedState, subsystem: str
) -> None:
    server.call("checkout", subsystem=subsystem, agent_name=ME)
    other.release_execution(f"cc:session-7:{ME}")
    assert other.acquire_lock("subsystem", subsystem, OTHER)
    for tool, more in (
        ("checkin", {"state": "complete"}),
        ("save", {"document": "design", "base_version": 0, "set": {"/a": 1}}),
    ):
        text = server.refused(tool, subsystem=subsystem, agent_name=ME, **more)
        assert "lease_lost" in text and f"{OTHER} holds it now" in text
        assert "Call checkout" in text
    assert other.get_subsystem_design(subsystem) is None
    assert not server.call("checkout", subsystem=subsystem, agent_name=ME)["granted"]


def test_a_lock_on_anything_is_taken_once_and_released(
    server: Server, other: SharedState, subsystem: str
) -> None:
    lock = {"resource_type": "file", "resource_name": subsystem, "agent_name": ME}
    assert server.call("lock", **lock)["granted"]
    assert server.call("lock", **lock)["granted"]  # its holder's, renewed
    assert not server.call("lock", **{**lock, "agent_name": OTHER})["granted"]
    waits = server.call("lock", **{**lock, "agent_name": OTHER}, wait_seconds=1)
    assert waits["place"]["position"] == 1
    release = {"name": subsystem, "resource_type": "file"}
    left = server.call("release", **release, agent_name=OTHER)
    assert left["released"] and "place in line" in left["what"]
    assert other.get_lock_status("file", subsystem)["queue"] == []
    assert server.call("release", **release, agent_name=ME)["released"]
    assert not server.call("release", **release, agent_name=ME)["released"]


def test_a_wait_that_would_close_a_cycle_is_refused_and_named(
    server: Server, subsystem: str
) -> None:
    first, second = f"{subsystem}-1", f"{subsystem}-2"
    server.call("checkout", subsystem=first, agent_name=ME)
    server.call("checkout", subsystem=second, agent_name=OTHER)
    server.call("checkout", subsystem=second, agent_name=ME, wait_seconds=1)
    text = server.refused("checkout", subsystem=first, agent_name=OTHER, wait_seconds=20)
    assert "deadlock" in text and f"{ME} waits for" in text and "Release what you hold" in text
    for name, agent in ((second, OTHER), (second, ME), (first, ME)):
        server.call("release", name=name, agent_name=agent)
