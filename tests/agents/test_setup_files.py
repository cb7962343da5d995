"""`sharedstate setup` writes and takes back exactly its own entries, in whatever it finds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.agents.projects import (
    Run,
    make_project,
    snapshot,
)

from sharedstate_agents.setup import claude
from sharedstate_agents.setup.changes import write
from sharedstate_agents.setup.errors import SetupError
from sharedstate_agents.setup.harnesses import HARNESSES, Setup
from sharedstate_agents.setup.json_text import parse

OTHERS = {
    ".mcp.json": '{\n    "mcpServers": {\n'
    '        "other": { "command": "x", "env": {"KEY": "s"} }\n    }\n}',
    ".claude/settings.json": '{\r\n\t"permissions": {"allow": ["Bash"]},\r\n\t"hooks": {\r\n'
    '\t\t"PreToolUse": [\r\n\t\t\t{"matcher": "Bash", "hooks": [{"type": "command", '
    '"command": "guard"}]}\r\n\t\t],\r\n\t\t"Stop": []\r\n\t}\r\n}\r\n',
    ".codex/config.toml": '# mine\nmodel = "o"  # fast\n\n[mcp_servers.other]\ncommand = "x"',
    ".codex/hooks.json": '{"hooks": {}}',
    ".cursor/mcp.json": '{"mcpServers":{"other":{"command":"x"}}}',
    ".cursor/hooks.json": '{\n  "version": 1,\n  "hooks": {"stop": [{"command": "./done"}]}\n}\n',
    ".gemini/settings.json": '{\n  // which\n  "model": "pro", /* or */\n  "mcpServers": {}\n}\n',
    "sharedstate.toml": "strict = true\n",
}


@pytest.mark.parametrize("harness", HARNESSES)
@pytest.mark.parametrize("files", [{}, OTHERS], ids=["nothing", "files of others"])
def test_twice_is_once_and_remove_gives_the_former_bytes(
    harness: str, files: dict[str, str], tmp_path: Path, run: Run
) -> None:
    root = make_project(tmp_path / "p", files)
    before = snapshot(root)
    assert run(root, harness, "--check").exit_code == 1
    assert snapshot(root) == before

    assert run(root, harness, "--yes").exit_code == 0
    after = snapshot(root)
    assert after != before
    assert run(root, harness, "--check").exit_code == 0
    assert "nothing to change" in run(root, harness, "--yes").stdout
    assert snapshot(root) == after

    assert run(root, harness, "--remove", "--yes").exit_code == 0
    assert snapshot(root) == before
    assert "nothing to change" in run(root, harness, "--remove", "--yes").stdout


def test_all_harnesses_together_and_the_last_one_takes_what_they_share(
    tmp_path: Path, run: Run
) -> None:
    root = make_project(tmp_path / "p")
    before = snapshot(root)
    for harness in HARNESSES:
        assert run(root, harness, "--yes").exit_code == 0
    for harness in HARNESSES:
        assert (root / "sharedstate.toml").exists()
        assert run(root, harness, "--remove", "--yes").exit_code == 0
    assert snapshot(root) == before


def test_a_file_of_another_harness_that_has_nothing_of_ours_is_not_read_strictly(
    tmp_path: Path, run: Run
) -> None:
    root = make_project(tmp_path / "p", {".cursor/mcp.json": '{"mcpServers": {}} // mine'})
    before = snapshot(root)
    assert run(root, "codex", "--yes").exit_code == 0
    assert run(root, "codex", "--remove", "--yes").exit_code == 0
    assert snapshot(root) == before


def test_without_a_terminal_it_says_only_what_to_add_and_writes_nothing(
    tmp_path: Path, run: Run
) -> None:
    root = make_project(tmp_path / "p", OTHERS)
    for arguments in ((), ("--remove",)):
        if arguments:
            run(root, "claude", "--yes")
        before = snapshot(root)
        answer = run(root, "claude", *arguments)
        assert answer.exit_code == 1
        assert answer.stdout == ""
        said = "error: there is no terminal to ask on: add --yes. Nothing was changed.\n"
        assert answer.stderr == said
        assert snapshot(root) == before


def test_what_claude_code_reads(tmp_path: Path, run: Run) -> None:
    root = make_project(tmp_path / "p", OTHERS)
    run(root, "claude", "--yes")
    servers = json.loads((root / ".mcp.json").read_text())["mcpServers"]
    assert servers["sharedstate"] == {"command": "sharedstate", "args": ["mcp"]}
    assert servers["other"] == {"command": "x", "env": {"KEY": "s"}}
    settings = json.loads((root / ".claude/settings.json").read_text())
    assert settings["permissions"] == {"allow": ["Bash"]}
    assert set(settings["hooks"]) - {"Stop"} == {event for event, _ in claude.EVENTS}
    foreign, edits, ours = settings["hooks"]["PreToolUse"]
    assert foreign["hooks"] == [{"type": "command", "command": "guard"}]
    assert (edits["matcher"], ours["matcher"]) == (claude.EDITS, claude.OUR_TOOLS)
    assert edits["hooks"] == [
        {"type": "command", "command": "sharedstate-hook", "args": ["PreToolUse"], "timeout": 5}
    ]
    assert settings["hooks"]["PostToolUse"][0]["hooks"][0]["async"] is True


def test_check_names_what_is_missing_and_what_differs(tmp_path: Path, run: Run) -> None:
    root = make_project(tmp_path / "p")
    run(root, "claude", "--yes")
    settings = root / ".claude/settings.json"
    settings.write_text(settings.read_text().replace('"timeout": 5', '"timeout": 6', 1))
    (root / ".mcp.json").write_text('{"mcpServers": {"sharedstate": {"command": "old"}}}')
    (root / "sharedstate.toml").unlink()
    (root / ".claude/agents/skeleton.md").unlink()  # a role that the user does not need
    answer = run(root, "claude", "--check")
    assert answer.exit_code == 1
    assert answer.stdout.splitlines() == [
        ".mcp.json: mcpServers.sharedstate differs",
        ".claude/settings.json: hooks.SessionStart: our entries differ",
        "sharedstate.toml: is missing",
    ]
    assert run(root, "claude", "--yes").exit_code == 0
    assert run(root, "claude", "--check").exit_code == 0


def test_what_a_user_added_to_our_server_stays(tmp_path: Path, run: Run) -> None:
    entry = {"command": "old", "args": ["mcp"], "env": {"SHAREDSTATE_WORKSPACE": "robot"}}
    files = {".mcp.json": json.dumps({"mcpServers": {"sharedstate": entry}})}
    root = make_project(tmp_path / "p", files)
    run(root, "claude", "--yes")
    stored = json.loads((root / ".mcp.json").read_text())["mcpServers"]["sharedstate"]
    assert stored == entry | {"command": "sharedstate"}
    assert run(root, "claude", "--check").exit_code == 0


def test_a_server_over_http_is_its_users_own(tmp_path: Path, run: Run) -> None:
    entry = {"type": "http", "url": "http://127.0.0.1:8765/mcp"}
    text = json.dumps({"mcpServers": {"sharedstate": entry}})
    root = make_project(tmp_path / "p", {".mcp.json": text})
    run(root, "claude", "--yes")
    assert run(root, "claude", "--check").exit_code == 0
    run(root, "claude", "--remove", "--yes")
    assert (root / ".mcp.json").read_text() == text


def test_entries_of_an_older_version_are_replaced_and_a_users_own_handler_stays(
    tmp_path: Path, run: Run
) -> None:
    old = {"type": "command", "command": "/old/bin/sharedstate-hook", "args": ["Stop"]}
    mine = {"type": "command", "command": "./notify sharedstate-hook"}
    remote = {"type": "http", "url": "http://127.0.0.1:1/"}
    groups = [{"hooks": [old]}, {"matcher": "Bash", "hooks": [mine, old, remote]}]
    files = {".claude/settings.json": json.dumps({"hooks": {"Stop": groups}}, indent=2)}
    root = make_project(tmp_path / "p", files)
    run(root, "claude", "--yes")
    stored = json.loads((root / ".claude/settings.json").read_text())["hooks"]
    assert stored["Stop"] == [{"matcher": "Bash", "hooks": [mine, remote]}]
    assert set(stored) == {"Stop", *(event for event, _ in claude.EVENTS)}
    run(root, "claude", "--remove", "--yes")
    left = json.loads((root / ".claude/settings.json").read_text())["hooks"]
    assert left == {"Stop": [{"matcher": "Bash", "hooks": [mine, remote]}]}


def test_a_link_stays_and_its_target_is_written(tmp_path: Path, run: Run) -> None:
    root = make_project(tmp_path / "p", {"shared/settings.json": '{"a": 1}'})
    (root / ".claude").mkdir()
    (root / ".claude/settings.json").symlink_to("../shared/settings.json")
    before = snapshot(root)
    assert run(root, "claude", "--yes").exit_code == 0
    assert (root / ".claude/settings.json").is_symlink()
    assert "hooks" in parse((root / "shared/settings.json").read_text()).value
    assert run(root, "claude", "--remove", "--yes").exit_code == 0
    assert snapshot(root) == before


@pytest.mark.parametrize("mode", [0o600, 0o666])
def test_the_mode_of_a_file_stays(mode: int, tmp_path: Path, run: Run) -> None:
    root = make_project(tmp_path / "p", OTHERS)
    (root / ".mcp.json").chmod(mode)
    run(root, "claude", "--yes")
    assert (root / ".mcp.json").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize(
    "text", ['{"version": 1}', '{\n  "version": 1\n}\n', '{\n  "hooks": {},\n  "version": 1\n}\n']
)
def test_a_file_of_cursor_without_hooks_is_not_taken_for_ours(
    text: str, tmp_path: Path, run: Run
) -> None:
    root = make_project(tmp_path / "p", {".cursor/hooks.json": text})
    before = snapshot(root)
    run(root, "cursor", "--yes")
    run(root, "cursor", "--remove", "--yes")
    assert snapshot(root) == before


def _read_only(root: Path) -> None:
    (root / ".claude/settings.json").chmod(0o444)


def _file_for_folder(root: Path) -> None:
    (root / ".claude/settings.json").unlink()
    (root / ".claude").rmdir()
    (root / ".claude").write_text("")


def _dangling(root: Path) -> None:
    (root / ".claude/settings.json").unlink()
    (root / ".claude/settings.json").symlink_to("nowhere")


def _no_scratch_file(root: Path) -> None:
    (root / f".claude/.settings.json.{os.getpid()}").mkdir()


def _broken(root: Path) -> None:
    (root / ".claude/settings.json").write_text('{\n  "hooks": {]\n}')


def _trailing_comma(root: Path) -> None:
    (root / ".claude/settings.json").write_text('{"permissions": {},}')


def _comment(root: Path) -> None:
    (root / ".claude/settings.json").write_text("{\n  // mine\n}")


def _not_text(root: Path) -> None:
    (root / ".claude/settings.json").write_bytes(b'{"a": "\xff"}')


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_read_only, "it is read-only"),
        (_file_for_folder, "ot a"),  # a folder, or not a directory
        (_dangling, "a link to a file that is not there"),
        (_no_scratch_file, "Nothing was changed"),
        (_broken, "line 2, column 13"),
        (_trailing_comma, "settings.json: line 1, column 19"),
        (_comment, "settings.json: line 2, column 3"),
        (_not_text, "not UTF-8"),
    ],
)
def test_what_cannot_be_written_is_named_and_nothing_else_is_written(
    harm: Callable[[Path], None], said: str, tmp_path: Path, run: Run
) -> None:
    root = make_project(tmp_path / "p", OTHERS)
    harm(root)
    before = snapshot(root)
    answer = run(root, "claude", "--yes")
    assert answer.exit_code == 1
    assert ".claude/settings.json: " in answer.stderr
    assert said in answer.stderr
    assert answer.stderr.endswith(" Nothing was changed.\n")
    assert snapshot(root) == before


def test_what_others_wrote_while_it_asked_is_not_overwritten(
    tmp_path: Path,
) -> None:
    root = make_project(tmp_path / "p", OTHERS)
    changes = Setup.of(root, "claude").additions()
    (root / ".mcp.json").write_text('{"mcpServers": {"newer": {}}}')
    before = snapshot(root)
    with pytest.raises(SetupError, match="changed it meanwhile"):
        write(changes)
    assert snapshot(root) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model = [", "it is not TOML"),
        ('mcp_servers = { other = { command = "x" } }', "Write it as tables"),
        ('[mcp_servers.sharedstate]\ncommand = "x"\n', "not written by setup"),
    ],
)
def test_toml_that_cannot_take_our_table_stays_as_it_is(
    text: str, said: str, tmp_path: Path, run: Run
) -> None:
    root = make_project(tmp_path / "p", {".codex/config.toml": text})
    before = snapshot(root)
    answer = run(root, "codex", "--yes")
    assert answer.exit_code == 1
    assert said in answer.stderr
    assert snapshot(root) == before


@pytest.mark.parametrize("text", ["", "\n", "a = 1", "a = 1\n", "a = 1\r\n\r\n", "# é\r\na = 1"])
def test_toml_gets_its_former_bytes_back(text: str, tmp_path: Path, run: Run) -> None:
    root = make_project(tmp_path / "p", {".codex/config.toml": text})
    before = snapshot(root)
    assert run(root, "codex", "--yes").exit_code == 0
    assert run(root, "codex", "--check").exit_code == 0
    assert run(root, "codex", "--remove", "--yes").exit_code == 0
    assert snapshot(root) == before


def test_toml_that_went_on_after_our_table_keeps_what_came(tmp_path: Path, run: Run) -> None:
    root = make_project(tmp_path / "p", {".codex/config.toml": "a = 1"})
    run(root, "codex", "--yes")
    config = root / ".codex/config.toml"
    config.write_text(config.read_text() + "\n[b]\nc = 2\n")
    assert run(root, "codex", "--check").exit_code == 0
    run(root, "codex", "--remove", "--yes")
    assert config.read_text() == "a = 1\n[b]\nc = 2\n"


def test_a_role_that_its_user_edited_is_left_and_said_so(tmp_path: Path, run: Run) -> None:
    root = make_project(tmp_path / "p")
    run(root, "claude", "--yes")
    role = root / ".claude/agents/skeleton.md"
    edited = role.read_text().replace("skeleton.", "whole skeleton.")
    role.write_text(edited)
    answer = run(root, "claude", "--yes")
    assert "left as it is: .claude/agents/skeleton.md" in answer.stderr
    assert run(root, "claude", "--check").exit_code == 0
    answer = run(root, "claude", "--remove", "--yes")
    assert "left as it is: .claude/agents/skeleton.md" in answer.stderr
    assert role.read_text() == edited


def test_a_sharedstate_toml_that_its_user_edited_is_left_and_said_so_with_the_last_harness(
    tmp_path: Path, run: Run
) -> None:
    root = make_project(tmp_path / "p")
    run(root, "claude", "--yes")
    run(root, "codex", "--yes")
    edited = "strict = true\n"
    (root / "sharedstate.toml").write_text(edited)
    assert run(root, "claude", "--remove", "--yes").stderr == ""
    answer = run(root, "codex", "--remove", "--yes")
    assert answer.stderr == "left as it is: sharedstate.toml. It is not ours, or was edited.\n"
    assert (root / "sharedstate.toml").read_text() == edited


def test_a_role_of_an_older_version_is_replaced(tmp_path: Path, run: Run) -> None:
    root = make_project(tmp_path / "p")
    run(root, "claude", "--yes")
    (claude.ROLE_FOLDERS[0] / "skeleton.md").write_text("---\nname: skeleton\n---\nNew.\n")
    answer = run(root, "claude", "--check")
    assert ".claude/agents/skeleton.md: is of another version" in answer.stdout
    run(root, "claude", "--yes")
    assert "New." in (root / ".claude/agents/skeleton.md").read_text()


def test_a_role_that_was_there_before_is_not_ours(tmp_path: Path, run: Run) -> None:
    root = make_project(tmp_path / "p", {".claude/agents/skeleton.md": "mine\n"})
    answer = run(root, "claude", "--yes")
    assert "left as it is: .claude/agents/skeleton.md" in answer.stderr
    run(root, "claude", "--remove", "--yes")
    assert (root / ".claude/agents/skeleton.md").read_text() == "mine\n"


def test_no_key_is_written_and_one_that_git_would_commit_is_warned_of(
    tmp_path: Path, run: Run
) -> None:
    root = make_project(
        tmp_path / "p", {".env": "SUPABASE_URL=http://127.0.0.1:1\nSUPABASE_KEY=k3y\n"}
    )
    answer = run(root, "claude", "--yes")
    assert "git does not ignore .env" in answer.stderr
    written = [content for name, (_, _, content) in snapshot(root).items() if name != ".env"]
    assert not any(b"k3y" in content for content in written)
    (root / ".gitignore").write_text(".env\n")
    assert "warning" not in run(root, "claude", "--yes").stderr
