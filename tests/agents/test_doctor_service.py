"""`sharedstate doctor` and `prime` name what is wrong between the settings and the workspace."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import jwt
import pytest
from tests.agents.projects import TOML, Patient, failed

from sharedstate import SharedState
from sharedstate_agents import doctor
from sharedstate_agents.hook import failures
from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.migrations import available


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
    sentence = "It has expired, or is not of this installation: its .env has one that is."
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


def test_names_and_globs_that_guard_nothing_are_notes(patient: Patient, state: SharedState) -> None:
    state.update_subsystem_status("skeleton", {"state": "designing"})
    globs = '["parts/*.py", "parts/skeleton/", "part/**", "kept/**"]'
    (patient.root / "sharedstate.toml").write_text(
        f'[subsystems]\nskeleton = {globs}\nskeletn = ["*.toml"]\n'
    )
    for name in ("parts/arm.py", "parts/skeleton/ä.py", "kept/.env"):  # the last one is ignored
        (patient.root / name).parent.mkdir(parents=True, exist_ok=True)
        (patient.root / name).touch()
    subprocess.run(["git", "-C", str(patient.root), "add", "parts/arm.py"], check=True)
    document = json.loads(patient.run("doctor", "--json").stdout)
    assert document["ok"]
    said = [each["text"] for each in document["findings"] if each["check"] in ("subsystem", "glob")]
    assert said == [
        "sharedstate.toml names skeletn, which the workspace does not have (yet).",
        'sharedstate.toml: "part/**" of skeleton fits no file (yet).',
        'sharedstate.toml: "kept/**" of skeleton fits no file (yet).',
    ]


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
