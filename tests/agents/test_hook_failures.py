"""A hook that cannot do its work lets the session go on, in time, and its failure is counted."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from tests.agents.hook_support import FEMUR, TOML, Done, Harness
from tests.sql.support import Api

from sharedstate.testing import Workspace
from sharedstate_agents.hook.events import HANDLERS
from sharedstate_ops.stack.keys import make_token

KEY = "not.a.real-key-but-secret"
CHECKS = '[hooks]\ntask_completed = ["stale"]\n'


@pytest.fixture
def harness(tmp_path: Path, sharedstate_workspace: Workspace) -> Harness:
    """A subagent in a project with the subsystems skeleton and power."""
    return Harness.make(tmp_path, sharedstate_workspace, TOML + CHECKS).subagent("a1")


@pytest.fixture
def away(tmp_path: Path) -> Harness:
    """The same, without a database."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    harness = Harness.make(tmp_path, None, TOML + CHECKS).subagent("a1")
    harness.environment |= {"SUPABASE_URL": f"http://127.0.0.1:{port}", "SUPABASE_KEY": KEY}
    return harness


@pytest.fixture
def slow(away: Harness) -> Iterator[Harness]:
    """The same, with a database that takes the connection and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=100)) as server:
        away.environment["SUPABASE_URL"] = f"http://127.0.0.1:{server.getsockname()[1]}"
        yield away


def fire(harness: Harness, event: str) -> Done:
    """An event of this name for which a hook asks the database."""
    tool_input = {"file_path": str(harness.folder / FEMUR)}
    return harness.fire(event, tool_name="Edit", tool_input=tool_input)


@pytest.mark.parametrize("event", HANDLERS)
def test_without_a_database_the_session_goes_on_and_the_failure_is_noted(
    away: Harness, event: str
) -> None:
    assert fire(away, event).is_silent
    (failure,) = away.failures
    assert failure["event"] == event
    assert failure["reason"].startswith("unreachable: http://127.0.0.1:")
    assert KEY not in json.dumps(failure)


@pytest.mark.parametrize(("event", "seconds"), [("PreToolUse", 1.7), ("SessionEnd", 1.1)])
def test_a_database_that_never_answers_is_given_up_in_time(
    slow: Harness, event: str, seconds: float
) -> None:
    began = time.monotonic()
    assert slow.feed(event, b"").is_silent  # what a process takes, beside others that run now
    ready = time.monotonic()
    assert fire(slow, event).is_silent
    # Twice, because on a busy machine two processes do not take the same.
    assert (time.monotonic() - ready) - (ready - began) < 2 * seconds
    assert slow.failures[-1]["reason"] == f"timeout: {slow.url} does not answer in time."


def test_an_answer_that_comes_drop_by_drop_is_given_up_as_well(away: Harness) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        away.environment["SUPABASE_URL"] = f"http://127.0.0.1:{server.getsockname()[1]}"
        given_up = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with closing(connection), suppress(ConnectionError):
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not given_up.wait(0.05):
                    connection.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        assert fire(away, "PreToolUse").is_silent
        given_up.set()
        thread.join()
    assert away.failures[0]["reason"] == f"timeout: {away.url} does not answer in time."


def test_an_input_that_does_not_end_is_given_up(away: Harness) -> None:
    with subprocess.Popen(
        away.command("PreToolUse"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=away.environment,
        cwd=away.folder,
    ) as process:
        assert process.stdout
        assert process.stdout.read() == b""
        assert process.wait(20) == 0
    assert away.failures[0]["reason"] == "timeout: not done after 1.7 s."


@pytest.mark.parametrize(
    "text",
    [b"", b"not JSON", b"[1]", b"null", b"\xff\xfe", b'{"tool_input": ', b"[" * 100_000],
    ids=repr,
)
def test_an_input_that_is_no_event_is_let_through(away: Harness, text: bytes) -> None:
    assert away.feed("PreToolUse", text).is_silent
    assert away.failures[0]["reason"] == "The input is no JSON object."


def test_fields_that_are_new_missing_or_of_another_type_do_no_harm(away: Harness) -> None:
    texts = [
        b"{}",
        b'{"session_id": 7, "tool_name": ["Edit"], "tool_input": "x"}',
        b'{"session_id": "s", "tool_name": "Edit", "tool_input": {"file_path": 7}}',
        b'{"session_id": "s", "tool_name": "Edit", "tool_input": {"file_path": "a\\u0000b"}}',
        b'{"session_id": "s", "tool_name": "Edit", "tool_input": {"file_path": ""}, "new": {}}',
    ]
    for text in texts:
        assert away.feed("PreToolUse", text).is_silent, text


def test_a_huge_input_is_fine(harness: Harness, api: Api) -> None:
    api.lock(execution_id="other")
    tool_input = {"file_path": str(harness.folder / FEMUR), "content": "x" * 10_000_000}
    done = harness.fire("PreToolUse", tool_name="Write", tool_input=tool_input)
    assert done.specific["permissionDecision"] == "deny"
    response = {"tool_response": "y" * 10_000_000}
    assert harness.fire("PostToolUse", tool_name="Read", tool_input={}, **response).is_silent
    assert harness.failures == []


def test_the_next_hook_that_reaches_the_database_logs_what_failed(
    harness: Harness, api: Api
) -> None:
    for text in (b"", b"x"):
        harness.feed("PostToolUse", text)
    url = {"SUPABASE_URL": "http://127.0.0.1:1"}
    harness.feed("SessionEnd", json.dumps(harness.event("SessionEnd")).encode(), url)
    # This one finds out without the database that the file belongs to nobody.
    assert harness.edit("README.md").is_silent
    assert len(harness.failures) == 3
    assert fire(harness, "PreToolUse").is_silent
    assert harness.failures == []
    reason = "The input is no JSON object."
    first, second = [row["details"] for row in api.log("hook_failed")]
    assert first == {"event": "PostToolUse", "reason": reason, "count": 2}
    assert (second["event"], second["count"]) == ("SessionEnd", 1)
    assert second["reason"].startswith("unreachable: http://127.0.0.1:1: ")


def test_an_agent_with_a_token_of_its_own_logs_failures_under_its_name(
    harness: Harness, api: Api
) -> None:
    harness.feed("PostToolUse", b"")
    key = make_token(api.stack.jwt_secret, "authenticated", agent="skeleton_agent", ttl=60)
    values = json.dumps(harness.event("PostToolUse")).encode()
    assert harness.feed("PostToolUse", values, {"SUPABASE_KEY": key}).is_silent
    assert [row["agent_name"] for row in api.log("hook_failed")] == ["skeleton_agent"]


def test_the_file_of_failures_keeps_the_last_hundred(away: Harness) -> None:
    folder = away.folder / ".sharedstate"
    folder.mkdir()
    old = [json.dumps({"event": "PreToolUse", "reason": str(n)}) for n in range(150)]
    (folder / "hook-failures.jsonl").write_text("\n".join(old) + "\n")
    assert fire(away, "SessionEnd").is_silent
    assert len(away.failures) == 100
    assert away.failures[0]["reason"] == "51"
    assert away.failures[-1]["event"] == "SessionEnd"


def test_where_failures_cannot_be_noted_the_session_goes_on(away: Harness) -> None:
    (away.folder / ".sharedstate").write_text("a file")
    assert fire(away, "PreToolUse").is_silent


def test_failures_are_not_committed_by_accident(away: Harness) -> None:
    assert fire(away, "PreToolUse").is_silent
    assert (away.folder / ".sharedstate" / ".gitignore").read_text() == "*\n"


def test_a_broken_project_file_lets_edits_through_and_is_noted(harness: Harness) -> None:
    for text, said in (
        ("subsystems = [", "cannot be read: "),
        ("strict = 'yes'", "strict is true or false."),
        ("[subsystems]\nskeleton = 'parts/**'", "skeleton is a list of globs"),
        ("[hooks]\ntask_completed = ['late']", "task_completed has 'late'"),
    ):
        (harness.folder / "sharedstate.toml").write_text(text)
        assert harness.edit(FEMUR).is_silent
        assert said in harness.failures[-1]["reason"]


def test_what_guards_nothing_is_noted_when_a_session_starts_and_the_rest_holds(
    harness: Harness, api: Api
) -> None:
    api.lock(execution_id="cc:other:main")
    rest = "[subsystems]\nskeleton = ['parts/skeleton/**']\n"
    for text, said in (
        ("workspce = 'x'\n" + rest, "workspce is unknown here."),
        (rest + "[hooks]\ntask_complete = ['stale']", "task_complete is unknown here."),
        (rest + "power = ['/parts/**']", '"/parts/**" of power fits no file.'),
        (rest + "power = ['../parts/**']", '"../parts/**" of power fits no file.'),
        (rest + "power = ['parts\\**']", "of power fits no file."),
        (rest + "power = ['.']", '"." of power fits no file.'),
    ):
        (harness.folder / "sharedstate.toml").write_text(text)
        assert harness.edit(FEMUR).specific["permissionDecision"] == "deny"
        assert harness.fire("SessionStart", source="startup").stdout
        assert said in api.log("hook_failed")[-1]["details"]["reason"]


def test_a_project_that_has_nothing_to_do_with_us_is_left_alone(tmp_path: Path) -> None:
    harness = Harness.make(tmp_path)
    (tmp_path / "sharedstate.toml").unlink()
    for event in ("SessionStart", "PreToolUse", "PostToolUse", "SessionEnd"):
        assert fire(harness, event).is_silent
    assert list(tmp_path.iterdir()) == []


def test_missing_settings_are_noted_where_there_is_a_project_file(tmp_path: Path) -> None:
    harness = Harness.make(tmp_path)
    assert fire(harness, "SessionStart").is_silent
    (failure,) = harness.failures
    assert failure["reason"].startswith("not_configured: SUPABASE_URL and SUPABASE_KEY not found.")


def test_a_key_that_the_database_refuses_is_noted_without_it(harness: Harness) -> None:
    payload = base64.urlsafe_b64encode(b'{"role": "authenticated"}').decode().rstrip("=")
    key = f"eyJhbGciOiJIUzI1NiJ9.{payload}.c2VjcmV0LXNpZ25hdHVyZQ"
    harness.environment["SUPABASE_KEY"] = key
    done = fire(harness, "PreToolUse")
    assert done.is_silent
    (failure,) = harness.failures
    assert failure["reason"].startswith(
        "invalid_key: It has expired, or is not of this installation"
    )
    assert key not in json.dumps(failure)


def start(harness: Harness, event: dict[str, object]) -> subprocess.Popen[bytes]:
    """A hook of PreToolUse that runs."""
    process = subprocess.Popen(
        harness.command("PreToolUse"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=harness.environment,
    )
    assert process.stdin
    process.stdin.write(json.dumps(event).encode())
    process.stdin.close()
    return process


def test_twenty_hooks_at_once_all_answer(harness: Harness, api: Api) -> None:
    api.lock(execution_id=harness.execution)
    agents = [harness, *(harness.subagent(f"b{number}") for number in range(19))]
    tool_input = {"file_path": str(harness.folder / FEMUR)}
    processes = [
        start(agent, agent.event("PreToolUse", tool_name="Edit", tool_input=tool_input))
        for agent in agents
    ]
    answers = []
    for process in processes:
        with process:
            assert process.stdout
            answers.append(process.stdout.read())
            assert process.wait(30) == 0
    assert answers[0] == b""
    decisions = [json.loads(answer)["hookSpecificOutput"] for answer in answers[1:] if answer]
    assert {decision["permissionDecision"] for decision in decisions} == {"deny"}
    # On a machine that is too busy a hook runs out of time, which is noted; else all refuse.
    reasons = [failure["reason"] for failure in harness.failures]
    for entry in api.log("hook_failed"):
        reasons += [entry["details"]["reason"]] * entry["details"]["count"]
    assert all(reason.startswith("timeout: ") for reason in reasons)
    assert 19 - len(decisions) <= len(reasons)


@pytest.mark.parametrize("arguments", [[], ["NoSuchEvent"], ["PreToolUse", "x"], ["--help"]])
def test_a_wrong_call_says_how_to_call_it_and_blocks_nothing(
    away: Harness, arguments: list[str]
) -> None:
    command = [*away.command("x")[:-1], *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=away.environment, input="")
    assert done.returncode == 1
    assert done.stderr.startswith("usage: sharedstate-hook {SessionStart|")
