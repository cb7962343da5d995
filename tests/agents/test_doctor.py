"""`sharedstate doctor` against a real stack: what works is said to work, what does not is named."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from datetime import datetime

import pytest
from tests.agents.projects import Patient, failed, snapshot

from sharedstate import SharedState
from sharedstate_agents import doctor
from sharedstate_agents.hook import failures


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
