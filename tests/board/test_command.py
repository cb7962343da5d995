"""`sharedstate board`: the address that it prints, and how a browser comes to it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect
from tests.board.browser import Window

from sharedstate.config import claims
from sharedstate_ops.stack import StackInfo

Done = subprocess.CompletedProcess[str]


@dataclass
class Command:
    """The command in a folder of its own, for the stack that the environment names."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str, **changes: str) -> Done:
        names = ("PATH", "PYTHONPATH", "HOME")
        kept = {name: os.environ[name] for name in names if name in os.environ}
        command = [sys.executable, "-m", "sharedstate_ops", "board", *arguments]
        return subprocess.run(
            [*command, "--home", str(self.folder)],
            env=kept | self.environment | changes,
            capture_output=True,
            text=True,
            timeout=100,
        )


@pytest.fixture
def command(tmp_path: Path, stack: StackInfo) -> Command:
    return Command(tmp_path, {"SUPABASE_URL": stack.url, "JWT_SECRET": stack.jwt_secret})


def parameters(done: Done) -> dict[str, str]:
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    return {name: values[0] for name, values in parse_qs(urlsplit(line).fragment).items()}


def test_it_prints_an_address_with_a_key_of_eight_hours_for_one_workspace(
    command: Command, workspace: str
) -> None:
    given = parameters(command.run("--workspace", workspace, "--no-open"))
    assert given["workspace"] == workspace
    token = claims(given["key"])
    assert (token["role"], token["workspace"]) == ("authenticated", workspace)
    assert 7.9 < (token["exp"] - time.time()) / 3600 <= 8
    assert list(command.folder.iterdir()) == []


def test_an_operators_key_opens_every_workspace(command: Command, workspace: str) -> None:
    given = parameters(command.run("--operator", "--workspace", workspace, "--no-open"))
    token = claims(given["key"])
    assert token["role"] == "service_role" and "workspace" not in token
    assert given["workspace"] == workspace


def test_the_browser_is_given_a_private_file_and_no_key_and_comes_to_the_board(
    command: Command, workspace: str, new: Callable[..., Window], tmp_path: Path
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" > "{tmp_path}/arguments"\n')
    browser.chmod(0o700)
    given = parameters(command.run("--workspace", workspace, BROWSER=str(browser)))
    opened = (tmp_path / "arguments").read_text().strip()
    file = Path(urlsplit(opened).path)
    assert opened == file.as_uri()
    assert file == tmp_path / ".sharedstate" / "board.html"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert given["key"] in file.read_text()
    window = new()
    window.page.goto(opened)
    expect(window.page).to_have_title(f"{workspace} · sharedstate board")
    # The file itself was asked of no host.
    window.requests = [each for each in window.requests if not each.url.startswith("file:")]


def test_without_a_screen_it_says_so_and_writes_no_file(command: Command, workspace: str) -> None:
    done = command.run("--workspace", workspace)
    assert parameters(done)
    assert "open the address yourself" in done.stderr
    assert list(command.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"SUPABASE_URL": ""}, "no API is known"),
        ({"SUPABASE_URL": "http://127.0.0.1:9"}, "does not answer"),
        ({"JWT_SECRET": ""}, "no secret to sign with"),
        ({"JWT_SECRET": "another-secret-" * 4}, "invalid_key"),
    ],
)
def test_what_keeps_it_from_being_of_use_is_said(
    command: Command, change: dict[str, str], problem: str
) -> None:
    done = command.run("--no-open", **change)
    assert (done.returncode, done.stdout) == (1, "")
    assert problem in done.stderr


def test_an_api_without_a_board_such_as_the_platforms_is_said(
    command: Command, stack: StackInfo
) -> None:
    done = command.run("--no-open", SUPABASE_URL=stack.postgrest_url)
    assert done.returncode == 1
    assert f"there is no board at {stack.postgrest_url}/board/" in done.stderr
