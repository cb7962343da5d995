"""`sharedstate doctor` against a real stack: what works is said to work, what does not is named."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from tests.agents.projects import (
    PATH,
    Answer,
    install_programs,
    make_project,
    sharedstate,
    snapshot,
)

from sharedstate import SharedState
from sharedstate_agents import doctor, probes
from sharedstate_agents.hook import failures
from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.migrations import available

TOML = '[subsystems]\nskeleton = ["parts/skeleton/**"]\n'


@dataclass
class Patient:
    """A project with a setup for Claude Code and a `.env` for a workspace of its own."""

    root: Path

    def examine(self) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit code, and the findings by their check; of several, the last."""
        answer = self.run("doctor", "--json")
        document = json.loads(answer.stdout)
        assert document["ok"] == (answer.exit_code == 0)
        return answer.exit_code, {each["check"]: each for each in document["findings"]}

    def run(self, *arguments: str) -> Answer:
        """Call the command line in the project."""
        return sharedstate(*arguments, "--project", str(self.root))

    def set(self, **values: str) -> None:
        """Change values in `.env`."""
        path = self.root / ".env"
        lines = dict(line.split("=", 1) for line in path.read_text().splitlines())
        path.write_text("".join(f"{k}={v}\n" for k, v in (lines | values).items()))


@pytest.fixture
def whole_patient(
    tmp_path: Path, stack: StackInfo, workspace: str, monkeypatch: pytest.MonkeyPatch
) -> Patient:
    for name in ("SUPABASE_URL", "SUPABASE_KEY", "SHAREDSTATE_WORKSPACE", "CLAUDE_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", PATH)
    env = f"SUPABASE_URL={stack.url}\nSUPABASE_KEY={stack.agent_key}\n"
    root = make_project(
        tmp_path / "p",
        {
            ".env": f"{env}SHAREDSTATE_WORKSPACE={workspace}\n",
            ".gitignore": ".env\n.venv\n",
            "sharedstate.toml": TOML,
        },
    )
    install_programs(root / ".venv/bin")
    made = Patient(root)
    assert made.run("setup", "claude", "--yes").exit_code == 0
    return made


@pytest.fixture
def patient(whole_patient: Patient, monkeypatch: pytest.MonkeyPatch) -> Patient:
    """The same for what has nothing to do with the MCP server: it takes seconds to start."""
    monkeypatch.setattr(probes, "tools_of", lambda *_: ("", ["overview"]))
    return whole_patient


def failed(findings: dict[str, dict[str, Any]]) -> list[str]:
    """The checks that failed. Each has a hint."""
    found = [check for check, each in findings.items() if each["status"] == "failed"]
    assert all(findings[check]["hint"] for check in found)
    return found


def test_a_healthy_project_is_well_from_the_files_to_the_last_hook(
    whole_patient: Patient,
) -> None:
    code, findings = whole_patient.examine()
    assert (code, failed(findings)) == (0, [])
    assert "valid until" in findings["key"]["text"]
    assert findings["database"]["text"] == f"version {doctor.SCHEMA_VERSION}"
    assert findings["claude server"]["text"] == "starts, and lists 14 tools"
    hooks = [check for check, each in findings.items() if each["text"] == "fires"]
    assert len(hooks) == 8
    assert all(findings[check]["ms"] > 0 for check in hooks)


def test_it_leaves_nothing_behind(whole_patient: Patient, state: SharedState) -> None:
    before = state.get_recent_activity(limit=100)
    files = snapshot(whole_patient.root)
    whole_patient.examine()
    assert state.get_recent_activity(limit=100) == before
    assert snapshot(whole_patient.root) == files


def test_lines_for_people_have_the_hint_below_what_failed(patient: Patient) -> None:
    (patient.root / ".mcp.json").write_text("{}")
    answer = patient.run("doctor")
    assert answer.exit_code == 1
    line, hint = next(
        pair
        for pair in zip(answer.stdout.splitlines(), answer.stdout.splitlines()[1:], strict=False)
        if pair[0].startswith("FAILED")
    )
    assert "mcpServers.sharedstate is missing" in line
    assert hint.strip() == "Write them again: sharedstate setup claude"


def test_a_hook_that_is_not_configured_is_named(patient: Patient) -> None:
    path = patient.root / ".claude/settings.json"
    settings = json.loads(path.read_text())
    del settings["hooks"]["SubagentStop"]
    path.write_text(json.dumps(settings))
    code, findings = patient.examine()
    assert (code, failed(findings)) == (1, ["claude files"])
    assert "hooks.SubagentStop: our entries are missing" in findings["claude files"]["text"]


def test_a_hook_whose_program_does_not_work_is_named(patient: Patient) -> None:
    program = patient.root / ".venv/bin/sharedstate-hook"
    program.write_text('#!/bin/sh\necho broken >&2\n[ "$1" != SessionEnd ]\n')
    code, findings = patient.examine()
    assert (code, failed(findings)) == (1, ["claude SessionEnd"])
    assert findings["claude SessionEnd"]["text"] == "exit code 1: broken"


def test_a_hook_that_lets_all_through_because_it_failed_is_named(patient: Patient) -> None:
    program = patient.root / ".venv/bin/sharedstate-hook"
    program.write_text(f"#!/bin/sh\nSUPABASE_URL=http://127.0.0.1:1\nexport SUPABASE_URL\n"
                       f"{program.read_text().splitlines()[1]}\n")  # fmt: skip
    code, findings = patient.examine()
    assert code == 1
    assert "claude SessionStart" in failed(findings)
    assert "unreachable" in findings["claude SessionStart"]["text"]


def test_a_server_that_ends_at_once_is_named_with_its_last_words(whole_patient: Patient) -> None:
    program = whole_patient.root / ".venv/bin/sharedstate"
    program.write_text("#!/bin/sh\necho no such thing >&2\n")
    code, findings = whole_patient.examine()
    assert (code, failed(findings)) == (1, ["claude server"])
    assert findings["claude server"]["text"] == "it does not start: no such thing"


def test_a_server_over_http_is_not_said_to_start(patient: Patient) -> None:
    entry = {"type": "http", "url": "http://127.0.0.1:1/mcp"}
    text = json.dumps({"mcpServers": {"sharedstate": entry}})
    (patient.root / ".mcp.json").write_text(text)
    code, findings = patient.examine()
    assert (code, failed(findings)) == (0, [])
    assert findings["claude server"]["status"] == "note"


def test_programs_that_are_gone_are_named(whole_patient: Patient) -> None:
    shutil.rmtree(whole_patient.root / ".venv")
    code, findings = whole_patient.examine()
    assert code == 1
    assert {"claude files", "claude server", "claude SessionStart"} <= set(failed(findings))
    assert "neither on the PATH nor in .venv/bin" in findings["warning"]["text"]


def test_an_expired_key_is_named_with_its_end(patient: Patient) -> None:
    # Who signed it does not matter: its end is read first.
    old = jwt.encode({"role": "authenticated", "exp": 1_600_000_000}, "x" * 32)
    patient.set(SUPABASE_KEY=old)
    code, findings = patient.examine()
    assert code == 1
    assert failed(findings) == ["key", "database"]
    assert findings["key"]["text"] == "it has expired: valid until 2020-09-13 12:26 UTC."
    assert findings["server, hooks"]["status"] == "note"
    assert old not in json.dumps(findings)


def test_a_key_of_another_installation_is_named(patient: Patient) -> None:
    foreign = jwt.encode({"role": "authenticated", "exp": int(time.time()) + 60}, "x" * 32)
    patient.set(SUPABASE_KEY=foreign)
    code, findings = patient.examine()
    assert (code, failed(findings)) == (1, ["database"])
    sentence = "This installation does not take the key; its .env has one."
    assert findings["database"]["text"] == "invalid_key"
    assert findings["database"]["hint"] == sentence
    answer = patient.run("prime")
    assert (answer.exit_code, answer.stderr) == (1, f"error: invalid_key: {sentence}\n")


def test_a_workspace_that_does_not_exist_is_named_once(patient: Patient) -> None:
    (patient.root / "sharedstate.toml").write_text(f'workspace = "no such %"\n{TOML}')
    code, findings = patient.examine()
    assert (code, failed(findings)) == (1, ["workspace"])
    hint = findings["workspace"]["hint"]
    assert hint.startswith("There is no workspace no such %. `sharedstate workspaces` lists")
    assert "sharedstate init --workspace NAME" in hint
    assert findings["server, hooks"]["status"] == "note"
    answer = patient.run("prime")
    assert (answer.exit_code, answer.stderr) == (1, f"error: unknown_workspace: {hint}\n")


def test_a_key_that_may_do_nothing_is_named(patient: Patient, stack: StackInfo) -> None:
    patient.set(SUPABASE_KEY=stack.anon_key)
    code, findings = patient.examine()
    assert (code, failed(findings)) == (1, ["key"])
    assert "anon" in findings["key"]["text"]


def test_a_key_that_may_do_everything_is_a_note(patient: Patient, stack: StackInfo) -> None:
    patient.set(SUPABASE_KEY=stack.service_key)
    code, findings = patient.examine()
    assert (code, failed(findings)) == (0, [])
    assert findings["key"]["status"] == "note"
    assert "service_role" in findings["key"]["text"]
    assert "sharedstate token" in findings["key"]["hint"]


def test_a_gateway_that_does_not_answer_is_named_and_the_rest_is_not_tried(
    patient: Patient,
) -> None:
    patient.set(SUPABASE_URL="http://127.0.0.1:1")
    begin = time.monotonic()
    code, findings = patient.examine()
    assert time.monotonic() - begin < doctor.DEADLINE_S
    assert (code, failed(findings)) == (1, ["gateway"])
    assert "sharedstate up" in findings["gateway"]["hint"]
    assert not (patient.root / failures.PATH).exists()


def test_a_gateway_whose_database_is_away_is_told_from_none(patient: Patient) -> None:
    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(503)
            self.end_headers()
            self.wfile.write(b'{"code": "PGRST001", "message": "no connection"}')

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        patient.set(SUPABASE_URL=f"http://127.0.0.1:{server.server_port}")
        code, findings = patient.examine()
        server.shutdown()
    assert (code, failed(findings)) == (1, ["database"])
    assert findings["gateway"]["status"] == "ok"
    assert findings["database"]["text"] == "PGRST001: no connection"


def test_without_settings_it_says_where_they_come_from(patient: Patient) -> None:
    (patient.root / ".env").unlink()
    code, findings = patient.examine()
    assert (code, failed(findings)) == (1, ["settings"])
    assert "sharedstate up" in findings["settings"]["hint"]


@pytest.mark.parametrize(
    ("version", "hint"), [("20250101000000", "sharedstate init"), ("20990101000000", "newer")]
)
def test_a_database_of_another_version_is_named(
    version: str, hint: str, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = doctor.SCHEMA_VERSION
    monkeypatch.setattr(doctor, "SCHEMA_VERSION", "20260101000000" if version > known else "2027")
    code, findings = patient.examine()
    assert (code, failed(findings)) == (1, ["database"])
    assert hint in findings["database"]["hint"]


def test_it_knows_the_newest_migration() -> None:
    assert available()[-1].version == doctor.SCHEMA_VERSION


def test_where_nothing_is_set_up_it_says_how_and_a_plugin_may_be_there(patient: Patient) -> None:
    patient.run("setup", "claude", "--remove", "--yes")
    code, findings = patient.examine()
    assert (code, failed(findings)) == (0, [])
    assert findings["configuration"]["status"] == "note"
    assert "sharedstate setup claude" in findings["configuration"]["hint"]


def test_a_broken_sharedstate_toml_is_named(patient: Patient) -> None:
    (patient.root / "sharedstate.toml").write_text("strict = 1\n")
    code, findings = patient.examine()
    assert (code, failed(findings)) == (1, ["project"])


def test_it_shows_what_hooks_could_not_do(patient: Patient) -> None:
    failures.record(str(patient.root), "PreToolUse", "timeout: not done after 1.7 s.")
    code, findings = patient.examine()
    assert code == 0
    assert "1 not logged yet, the last: PreToolUse: timeout" in findings["failed hooks"]["text"]
    # A hook that was fired has logged it by now.
    code, findings = patient.examine()
    assert findings["failed hooks"]["text"].endswith("PreToolUse: timeout: not done after 1.7 s.")
    assert "not logged" not in findings["failed hooks"]["text"]


def test_what_a_hook_could_not_do_is_shown_for_a_day(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures.record(str(patient.root), "PreToolUse", "timeout")
    patient.examine()  # a hook that is fired logs it
    logged = time.time()
    monkeypatch.setattr(time, "time", lambda: logged + 23 * 3600)
    _, findings = patient.examine()
    said = re.fullmatch(r"at (.*) UTC: PreToolUse: timeout", findings["failed hooks"]["text"])
    assert said
    at = datetime.strptime(f"{said[1]} +0000", "%Y-%m-%d %H:%M %z")
    assert 0 <= logged - at.timestamp() < 120  # without its seconds
    monkeypatch.setattr(time, "time", lambda: logged + 24 * 3600)
    _, findings = patient.examine()
    assert "failed hooks" not in findings


@pytest.mark.parametrize("harness", ["codex", "cursor"])
def test_server_and_hooks_of_other_harnesses_are_tried_too(
    harness: str, whole_patient: Patient
) -> None:
    whole_patient.run("setup", "claude", "--remove", "--yes")
    assert whole_patient.run("setup", harness, "--yes").exit_code == 0
    code, findings = whole_patient.examine()
    assert (code, failed(findings)) == (0, [])
    assert findings[f"{harness} server"]["text"] == "starts, and lists 14 tools"
    assert any(each["text"] == "fires" for each in findings.values())


def test_prime_tells_an_agent_what_it_holds(patient: Patient, state: SharedState) -> None:
    assert state.acquire_lock("subsystem", "skeleton", "skeleton_agent")
    arguments = ("--agent", "skeleton_agent", "--execution", state.execution_id)
    answer = patient.run("prime", *arguments)
    assert answer.exit_code == 0
    assert f"your execution_id is {state.execution_id}." in answer.stdout
    assert "You hold subsystem skeleton" in answer.stdout
    other = patient.run("prime", "--agent", "power_agent").stdout
    assert "You hold nothing." in other
    assert "skeleton_agent holds subsystem skeleton" in other


def test_prime_without_a_database_says_what_to_do(patient: Patient) -> None:
    patient.set(SUPABASE_URL="http://127.0.0.1:1")
    answer = patient.run("prime")
    assert answer.exit_code == 1
    assert "sharedstate up" in answer.stderr


def test_the_first_sharedstate_toml_names_the_subsystems(
    patient: Patient, state: SharedState
) -> None:
    for name in ("skeleton", 'left "arm"'):
        state.update_subsystem_status(name, {"state": "designing"})
    (patient.root / "sharedstate.toml").unlink()
    patient.run("setup", "claude", "--yes")
    text = (patient.root / "sharedstate.toml").read_text()
    assert '\n# "left \\"arm\\"" = ["left__arm_/**"]\n' in text
    assert '\n# "skeleton" = ["skeleton/**"]\n' in text
    (patient.root / "sharedstate.toml").write_text(text.replace('# "', '"'))
    assert patient.run("doctor").exit_code == 0


def test_a_person_is_asked_and_may_say_no(patient: Patient) -> None:
    patient.run("setup", "claude", "--remove", "--yes")
    for answer, code in (("n", 1), ("y", 0)):
        # `script` gives the program a terminal.
        command = f"{patient.root}/.venv/bin/sharedstate setup claude --project {patient.root}"
        done = subprocess.run(
            ["script", "--quiet", "--return", "--command", command, "/dev/null"],
            input=f"{answer}\n",
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, done.stdout
        assert '+    "sharedstate": {' in done.stdout
        assert (patient.root / ".mcp.json").exists() == (answer == "y")
