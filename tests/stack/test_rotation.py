"""`sharedstate keys --rotate`: another secret, while agents work."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from dotenv import dotenv_values
from tests.stack.installation import Installation

from sharedstate import SharedState, errors
from sharedstate_ops.stack import Stack, site
from sharedstate_ops.stack.keys import make_token, read_keys, rotated, write_keys
from sharedstate_ops.stack.state import read_state

AGENTS = ("power_agent", "shell_agent", "sensing_agent")
# Activities of each agent before the rotation, and after it.
ENOUGH = 20


def _values(installation: Installation) -> dict[str, str]:
    values = dotenv_values(installation.root / ".env", interpolate=False)
    return {name: value for name, value in values.items() if value is not None}


def _state_of_power(state: SharedState) -> str:
    row = state.get_subsystem_status("power")
    assert row is not None
    return row["state"]


def test_after_a_rotation_old_tokens_are_refused_new_ones_work_and_the_env_file_follows(
    installation: Installation,
) -> None:
    installation.up()
    stack = Stack(installation.root)
    before = stack.info
    with SharedState(url=before.url, key=before.agent_key) as state:
        state.update_subsystem_status("power", {"state": "designing"})
        answer = installation.run("keys", "--rotate")
        assert answer.returncode == 0, answer.stderr
        with pytest.raises(errors.InvalidKey):
            state.get_subsystem_status("power")
    after = stack.info
    assert after.database_url == before.database_url
    for name, old in (("agent_key", before.agent_key), ("service_key", before.service_key)):
        assert getattr(after, name) != old
    with (
        pytest.raises(errors.InvalidKey),
        SharedState(url=after.url, key=make_token(before.jwt_secret, "service_role")) as state,
    ):
        state.get_subsystem_status("power")
    values = _values(installation)
    assert values["SUPABASE_KEY"] == after.agent_key
    assert values["SUPABASE_SERVICE_ROLE_KEY"] == after.service_key
    with SharedState(url=values["SUPABASE_URL"], key=values["SUPABASE_KEY"]) as state:
        assert _state_of_power(state) == "designing"
    # And the next start has the new ones too.
    installation.run("down")
    installation.run("keys", "--rotate")
    assert installation.up().returncode == 0
    last = _values(installation)["SUPABASE_KEY"]
    assert last != values["SUPABASE_KEY"]
    with SharedState(url=values["SUPABASE_URL"], key=last) as state:
        assert _state_of_power(state) == "designing"


def test_a_rotation_that_was_interrupted_is_finished_by_the_next_up(
    installation: Installation,
) -> None:
    installation.up()
    stack = Stack(installation.root)
    before = read_keys(stack.home.keys_file)
    assert before is not None
    # As if the command had been killed before PostgREST heard of it.
    write_keys(stack.home.keys_file, rotated(before))
    assert installation.up().returncode == 0
    values = _values(installation)
    with SharedState(url=values["SUPABASE_URL"], key=values["SUPABASE_KEY"]) as state:
        assert _state_of_power(state) == "not_started"
    with (
        SharedState(url=values["SUPABASE_URL"], key=before.agent_key) as state,
        pytest.raises(errors.InvalidKey),
    ):
        state.get_subsystem_status("power")


class Agent:
    """Notes one activity after the other, and for its key, once that is refused, takes another."""

    def __init__(self, name: str, url: str, key: str) -> None:
        self.name = name
        self.state = SharedState(execution_id=name, url=url, key=key)
        self.works, self.has_new_key = threading.Event(), threading.Event()
        self.noted: list[str] = []

    def work(self) -> None:
        more = ENOUGH
        while more:
            activity = f"step {len(self.noted)}"
            try:
                self.state.log_agent_activity(self.name, activity)
            except (errors.InvalidKey, errors.OutcomeUnknown) as problem:
                self.has_new_key.wait()
                # If it was done, this only gives the answer.
                self.state.log_agent_activity(self.name, activity, request_id=problem.request_id)
            self.noted.append(activity)
            if len(self.noted) == ENOUGH:
                self.works.set()
            if self.has_new_key.is_set():
                more -= 1


def test_no_call_is_lost_in_a_rotation_or_done_twice(installation: Installation) -> None:
    installation.up()
    before = Stack(installation.root).info
    agents = [Agent(name, before.url, before.agent_key) for name in AGENTS]
    with ThreadPoolExecutor(len(agents)) as pool:
        running = [pool.submit(agent.work) for agent in agents]
        try:
            assert all(agent.works.wait(60) for agent in agents)
            answer = installation.run("keys", "--rotate")
            assert answer.returncode == 0, answer.stderr
            for agent in agents:
                agent.state.set_key(_values(installation)["SUPABASE_KEY"])
        finally:
            for agent in agents:
                agent.has_new_key.set()
        for each in running:
            each.result(60)
    for agent in agents:
        with agent.state as state:
            rows = state.get_recent_activity(limit=10_000, agent_name=agent.name)
        assert [row["activity"] for row in reversed(rows)] == agent.noted


def test_what_is_rotated_is_the_secret_alone(installation: Installation) -> None:
    stack = Stack(installation.root)
    site.make_folder(stack.home)
    site.prepare(stack.home, lambda message: None)
    before = read_keys(stack.home.keys_file)
    assert before is not None
    after = stack.rotate_keys()
    assert read_keys(stack.home.keys_file) == after
    assert read_state(stack.home.state_file).parts == {}
    same = [name for name, value in vars(before).items() if getattr(after, name) == value]
    assert same == ["supabase_admin_password", "postgres_password", "authenticator_password"]
