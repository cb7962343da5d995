"""The example agents in other languages do what they say, against a real stack."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.chaos.proxy import LossyProxy
from tests.tools import ROOT, npm_ci, recent_node, unavailable

from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo

EXAMPLES = ROOT / "examples" / "languages"
TYPESCRIPT = EXAMPLES / "typescript"
LANGUAGES = ("curl", "go", "typescript")
SECONDS = 60


def need(program: str) -> None:
    if shutil.which(program) is None:
        unavailable(f"{program} is not installed (apt-get install golang-go curl)", program)


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What starts each agent, as far as it has been built."""
    return {}


@pytest.fixture(params=LANGUAGES)
def agent(
    request: pytest.FixtureRequest,
    commands: dict[str, list[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> list[str]:
    """The command that starts the agent of one language."""
    language: str = request.param
    if language not in commands:
        commands[language] = command(language, tmp_path_factory.mktemp(language))
    return commands[language]


def command(language: str, folder: Path) -> list[str]:
    if language == "curl":
        need("curl")
        return ["sh", str(EXAMPLES / "curl" / "agent.sh")]
    if language == "go":
        need("go")
        build = ["go", "build", "-o", str(folder / "agent"), "."]
        subprocess.run(build, cwd=EXAMPLES / "go", check=True, timeout=5 * SECONDS)
        return [str(folder / "agent")]
    npm_ci(TYPESCRIPT)
    return [*recent_node(), str(TYPESCRIPT / "agent.ts")]


def environment(stack: StackInfo, workspace: str, url: str | None = None) -> dict[str, str]:
    ours = {
        "SUPABASE_URL": url or stack.url,
        "SUPABASE_KEY": stack.agent_key,
        "SHAREDSTATE_WORKSPACE": workspace,
    }
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **ours}


def run(agent: list[str], variables: dict[str, str]) -> list[str]:
    done = subprocess.run(agent, env=variables, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def what_it_says(name: str, conflict: int = 1, state: str = "not_started") -> list[str]:
    return [
        "holds shell",
        f"shell was {state}",
        "shell is designing, 1.5 kg",
        f"refused: resource_locked, held by {name}",
        f"conflict {conflict} is open",
        f"conflict {conflict} is resolved",
        "released",
    ]


def agent_of(state: SharedState) -> str:
    """Who reported the newest conflict."""
    rows = state.supabase.table("conflicts").select("source_agent").order("conflict_id", desc=True)
    return str(rows.limit(1).single().execute().data["source_agent"])  # type: ignore[index,call-overload]


def test_an_agent_locks_reads_writes_reports_and_releases(
    agent: list[str], stack: StackInfo, workspace: str, state: SharedState
) -> None:
    said = run(agent, environment(stack, workspace))
    assert said == what_it_says(agent_of(state))
    status = state.get_subsystem_status("shell")
    assert status is not None
    assert (status["state"], status["current_mass_kg"]) == ("designing", 1.5)
    assert state.get_active_conflicts() == []
    assert state.acquire_lock("subsystem", "shell", "shell_agent")


def test_while_another_holds_the_lock_it_waits_in_line(
    agent: list[str], stack: StackInfo, workspace: str, state: SharedState
) -> None:
    lease = state.acquire_lock("subsystem", "shell", "shell_agent")
    assert lease
    variables = environment(stack, workspace)
    with subprocess.Popen(agent, env=variables, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "waits at place 1\n"
            state.update_subsystem_status("shell", {"state": "reviewed"})
            state.release_lock("subsystem", "shell")
            rest = process.stdout.read().splitlines()
            assert process.wait(SECONDS) == 0
        finally:
            process.kill()
    assert rest == what_it_says(agent_of(state), state="reviewed")


def test_when_answers_are_lost_each_change_is_done_once(
    agent: list[str], stack: StackInfo, workspace: str, state: SharedState
) -> None:
    with LossyProxy(stack.url, loss=0.3, seed=3) as proxy:
        said = run(agent, environment(stack, workspace, f"http://127.0.0.1:{proxy.port}"))
        assert proxy.lost > 0
    assert said == what_it_says(agent_of(state))
    made = [
        entry["activity"]
        for entry in state.get_recent_activity()
        if entry["activity"].startswith("conflict_")
    ]
    assert sorted(made) == ["conflict_created", "conflict_resolved"]


def test_the_typescript_example_has_no_type_error() -> None:
    npm_ci(TYPESCRIPT)
    compiler = TYPESCRIPT / "node_modules" / ".bin" / "tsc"
    done = subprocess.run([str(compiler)], cwd=TYPESCRIPT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_compiler_finds_a_function_that_does_not_exist(tmp_path: Path) -> None:
    npm_ci(TYPESCRIPT)
    for path in TYPESCRIPT.iterdir():
        (tmp_path / path.name).symlink_to(path)
    wrong = (TYPESCRIPT / "agent.ts").read_text().replace('"renew_lock"', '"renew_lease"')
    (tmp_path / "agent.ts").unlink()
    (tmp_path / "agent.ts").write_text(wrong)
    compiler = tmp_path / "node_modules" / ".bin" / "tsc"
    done = subprocess.run([str(compiler)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "renew_lease" in done.stdout


def test_the_go_example_is_formatted_and_vetted() -> None:
    need("go")
    folder = EXAMPLES / "go"
    listed = subprocess.run(["gofmt", "-l", "."], cwd=folder, capture_output=True, text=True)
    assert (listed.returncode, listed.stdout) == (0, "")
    done = subprocess.run(["go", "vet", "."], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
