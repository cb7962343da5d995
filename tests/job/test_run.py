"""The job as people run it: seven processes on the real stack."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from humanoid.customer import order, read_requirements
from humanoid.flow import ARCHITECT, CONVERGED, INTEGRATION, READS
from humanoid.runner import main
from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo

T = TypeVar("T")

EXAMPLES = Path(__file__).parents[2] / "examples"
JOB = EXAMPLES / "humanoid"
DEFAULT, LIGHT, IMPOSSIBLE = (
    JOB / f"requirements{kind}.json" for kind in ("", "_light", "_impossible")
)
AGENTS = (ARCHITECT, *READS)
ENOUGH_S = 120.0


def environment_of(stack: StackInfo, workspace: str) -> dict[str, str]:
    return {
        **os.environ,
        "SUPABASE_URL": stack.url,
        "SUPABASE_KEY": stack.agent_key,
        "SHAREDSTATE_WORKSPACE": workspace,
        "PYTHONPATH": str(EXAMPLES),
        "COLUMNS": "200",
    }


@pytest.fixture
def environment(stack: StackInfo, workspace: str) -> dict[str, str]:
    return environment_of(stack, workspace)


Start = Callable[..., subprocess.Popen[str]]


@contextmanager
def starting(environment: dict[str, str]) -> Iterator[Start]:
    """Starts a Python process; whatever still runs at the end is killed by its pid."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=environment,
            cwd=EXAMPLES,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    with starting(environment) as begin:
        yield begin


def run_to_the_end(
    start: Start, requirements: Path = DEFAULT, *options: str
) -> tuple[int, str, str]:
    process = start(str(JOB / "run.py"), "--requirements", str(requirements), *options)
    output, errors = process.communicate(timeout=ENOUGH_S)
    return process.returncode, output, errors


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(start: Start) -> Run:
    """Runs the job to its end: exit code, output and errors."""
    return partial(run_to_the_end, start)


@dataclass(frozen=True)
class Ran:
    """A run of the job, and what was in the workspace when it had ended."""

    code: int
    output: str
    errors: str
    seconds: float
    status: dict[str, Any]
    conflicts: list[Any]
    used: dict[str, float]
    bill: dict[str, Any]


@pytest.fixture(scope="module")
def shared(stack: StackInfo) -> Iterator[SharedState]:
    """The workspace of the runs that several tests look at."""
    name = f"job-{uuid.uuid4().hex[:12]}"
    with SharedState(workspace=name, url=stack.url, key=stack.service_key) as operator:
        operator.supabase.rpc("init_workspace", {"workspace_name": name}).execute()
    with SharedState(workspace=name, url=stack.url, key=stack.agent_key) as state:
        yield state


@pytest.fixture(scope="module")
def runs(stack: StackInfo, shared: SharedState) -> list[Ran]:
    """The default robot, the same again, and then a lighter one, in one workspace."""
    return [carry_out(stack, shared, wanted) for wanted in (DEFAULT, DEFAULT, LIGHT)]


def carry_out(stack: StackInfo, state: SharedState, requirements: Path) -> Ran:
    began = time.monotonic()
    with starting(environment_of(stack, state.workspace)) as start:
        code, output, errors = run_to_the_end(start, requirements)
    return Ran(
        code,
        output,
        errors,
        seconds=time.monotonic() - began,
        status={row["name"]: row for row in state.get_system_status()},
        conflicts=state.get_active_conflicts(),
        used={row["quantity"]: row["used"] for row in state.get_budget_usage("robot")},
        bill=bill(state),
    )


def until(look: Callable[[], T | None], what: str) -> T:
    """Looks until there is something, and returns that."""
    ends_at = time.monotonic() + ENOUGH_S
    while (found := look()) is None:
        assert time.monotonic() < ends_at, f"waited {ENOUGH_S:g} s for {what}"
        time.sleep(0.05)
    return found


def pid_of(state: SharedState, agent: str) -> int | None:
    """The pid of the agent's newest process, once it has started."""
    for entry in state.get_recent_activity(limit=500, agent_name=agent):
        if entry["activity"] == "started":
            return int(entry["details"]["pid"])
    return None


def hold_open(state: SharedState) -> int:
    """A person's conflict, which keeps the design from being completed until it is resolved."""
    return state.log_conflict("low", "reviewer", ARCHITECT, "is the shell pretty?")


def bill(state: SharedState) -> dict[str, Any]:
    design = state.get_subsystem_design(INTEGRATION)
    assert design is not None
    return design["design_data"]


def test_the_default_robot_converges_and_everything_adds_up(runs: list[Ran]) -> None:
    ran = runs[0]
    assert (ran.code, ran.errors) == (0, ""), ran.output + ran.errors
    assert ran.seconds < 60
    assert {ran.status[name]["state"] for name in AGENTS} == {"complete"}
    assert all(ran.status[name]["within_budget"] is not False for name in AGENTS)
    assert all(ran.status[name]["locked_by"] is None for name in AGENTS)
    assert ran.conflicts == []
    assert ran.used == ran.bill["totals"]
    for resource, limit in (("mass_kg", 45), ("cost_usd", 15000)):
        total = sum(line[f"total_{resource}"] for line in ran.bill["bill_of_materials"])
        assert total == pytest.approx(ran.bill["totals"][resource], abs=0.02)
        assert total <= limit
    assert "converged in" in ran.output
    assert "actuation is over its budget: mass_kg 12.1 of 12, power_w 1700 of 800" in ran.output
    assert "bill of materials" in ran.output


@pytest.mark.usefixtures("runs")
def test_the_database_opens_a_conflict_about_actuation_which_waits_and_redesigns(
    shared: SharedState,
) -> None:
    story = [
        (entry["activity"], entry["details"].get("for", ""))
        for entry in reversed(shared.get_recent_activity(limit=500, agent_name="actuation_agent"))
    ]
    activities = [activity for activity, _ in story]
    over = activities.index("design_over_budget")
    assert story[over + 1][1].startswith("the resolution of conflict #")
    assert "design_complete" in activities[over + 2 :]
    story_of_conflict = [event["event"] for event in shared.get_conflict_history(1)]
    assert story_of_conflict == ["opened", "note", "resolved"]
    history = shared.get_subsystem_requirements_history("actuation")
    assert [entry["requirements"]["level"] for entry in history[-2:]] == [2, 0]


def test_a_second_run_finds_the_work_done(runs: list[Ran]) -> None:
    first, second, _ = runs
    assert first.code == second.code == 0
    assert iterations(second) == iterations(first)


def iterations(ran: Ran) -> dict[str, int]:
    return {name: row["iteration"] for name, row in ran.status.items()}


def test_other_requirements_give_another_robot(runs: list[Ran]) -> None:
    _, default, light = runs
    assert light.code == 0, light.errors
    assert (default.bill["limits"]["mass_kg"], light.bill["limits"]["mass_kg"]) == (45, 40)
    assert default.bill["totals"] != light.bill["totals"]
    assert light.conflicts == []


def test_limits_that_cannot_be_met_end_with_the_reason(run: Run, state: SharedState) -> None:
    code, output, _ = run(IMPOSSIBLE)
    assert code == 1
    assert "does not converge: power is " in output
    [entry] = [
        e for e in state.get_recent_activity(limit=500) if e["activity"] == "does_not_converge"
    ]
    assert entry["details"]["missing"]["mass_kg"] > 0
    assert {"power"} == {c["source_agent"] for c in state.get_active_conflicts()}


@pytest.fixture
def as_program(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """For the job's `main` in this process."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("as_program")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        ("{", "it is no JSON"),
        ('{"physical": {}}', "physical.height_m: it is missing"),
        (DEFAULT.read_text().replace("15000", "9" * 401), "constraints.cost_usd_max: 9999"),
        (DEFAULT.read_text().replace("15000", "9" * 5001), "digits"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_a_bad_requirements_file_is_refused_before_anything_starts(
    capsys: pytest.CaptureFixture[str],
    state: SharedState,
    tmp_path: Path,
    content: str | None,
    reason: str,
) -> None:
    path = tmp_path / "wishes.json"
    if content is not None:
        path.write_text(content)
    assert main(["--requirements", str(path)]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert str(path) in errors
    assert reason in errors
    assert state.get_subsystem_requirements(ARCHITECT) is None


def test_checking_a_good_file_starts_nothing(run: Run, state: SharedState) -> None:
    assert run(LIGHT, "--check") == (0, "", "")
    assert state.get_subsystem_requirements(ARCHITECT) is None


def test_a_killed_agent_ends_the_run_and_the_next_run_goes_on(
    start: Start, run: Run, state: SharedState
) -> None:
    number = hold_open(state)
    process = start(str(JOB / "run.py"))
    pid = until(lambda: pid_of(state, "shell_agent"), "the shell agent")
    os.kill(pid, signal.SIGKILL)
    _, errors = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 1
    assert f"failed: shell_agent (pid {pid}) ended with SIGKILL" in errors
    assert not any(psutil.pid_exists(pid_of(state, f"{name}_agent") or 0) for name in READS)
    state.resolve_conflict(number, "pretty enough", "reviewer")
    assert run()[0] == 0


def test_an_agent_killed_and_started_again_by_hand_goes_on(
    start: Start, state: SharedState
) -> None:
    number = hold_open(state)
    order(state, read_requirements(DEFAULT))
    processes = {name: start("-m", f"humanoid.agents.{name}") for name in AGENTS}
    until(lambda: pid_of(state, "actuation_agent"), "the actuation agent")
    processes["actuation"].kill()
    processes["actuation"] = start("-m", "humanoid.agents.actuation")
    state.resolve_conflict(number, "pretty enough", "reviewer")
    for name, process in processes.items():
        _, errors = process.communicate(timeout=ENOUGH_S)
        assert process.returncode == 0, f"{name}: {errors}"
    architect = state.get_subsystem_status(ARCHITECT)
    assert architect is not None
    assert architect["metadata"]["verdict"]["result"] == CONVERGED


def test_the_leases_of_dead_agents_are_waited_for(run: Run, state: SharedState) -> None:
    for subsystem in ("skeleton", ARCHITECT):
        assert state.acquire_lock("subsystem", subsystem, "dead_agent", ttl_seconds=2)
    assert run()[0] == 0


def test_an_interrupted_run_leaves_no_agent_and_no_lock(start: Start, state: SharedState) -> None:
    hold_open(state)
    process = start(str(JOB / "run.py"))
    agents = [ARCHITECT, *(f"{name}_agent" for name in READS)]
    pids = [until(lambda agent=agent: pid_of(state, agent), agent) for agent in agents]  # type: ignore[misc]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 130
    assert "interrupted: all agents are stopped" in errors
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert all(row["locked_by"] is None for row in state.get_system_status())


def test_a_run_out_of_time_says_so_and_leaves_no_agent(run: Run, state: SharedState) -> None:
    code, _, errors = run(DEFAULT, "--time-limit", "0.01")
    assert code == 1
    assert "no result within 0.01 s" in errors
    started = [pid_of(state, f"{name}_agent") for name in READS]
    assert not any(psutil.pid_exists(pid) for pid in started if pid)


def test_an_unknown_workspace_is_a_clear_error(environment: dict[str, str], run: Run) -> None:
    environment["SHAREDSTATE_WORKSPACE"] = "never-made"
    code, _, errors = run()
    assert code == 1
    assert errors.startswith("error: unknown_workspace")


def test_a_conflict_opened_by_a_person_keeps_the_design_open(
    start: Start, state: SharedState
) -> None:
    number = hold_open(state)
    process = start(str(JOB / "run.py"))

    def integrated() -> bool | None:
        status = state.get_subsystem_status(INTEGRATION)
        return (status is not None and status["state"] == "complete") or None

    until(integrated, "integration")
    assert process.poll() is None
    state.resolve_conflict(number, "pretty enough", "reviewer")
    output, _ = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 0
    assert "pretty enough" in output


def test_a_blocked_agent_waits_and_goes_on_when_the_conflict_is_resolved(
    start: Start, state: SharedState
) -> None:
    number = state.log_conflict("low", "reviewer", "sponsor", "wait", blocks=["skeleton_agent"])
    process = start(str(JOB / "run.py"))

    def waits() -> bool | None:
        news = state.get_recent_activity(limit=500, agent_name="skeleton_agent", activity="waiting")
        waited_for = f"the resolution of conflict #{number}"
        return any(entry["details"]["for"] == waited_for for entry in news) or None

    until(waits, "the skeleton agent to say what it waits for")
    skeleton = state.get_subsystem_status("skeleton")
    assert skeleton is not None
    assert skeleton["iteration"] == 0
    state.resolve_conflict(number, "go on", "reviewer")
    output, errors = process.communicate(timeout=ENOUGH_S)
    assert (process.returncode, errors) == (0, "")
    assert "design_complete" in output


def test_the_shipped_files_are_json_with_the_shape_of_the_reference() -> None:
    shape = {section: set(keys) for section, keys in json.loads(DEFAULT.read_text()).items()}
    for path in (LIGHT, IMPOSSIBLE):
        content = json.loads(path.read_text())
        assert {section: set(keys) for section, keys in content.items()} == shape
