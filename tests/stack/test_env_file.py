"""`.env` is written when there is none, kept current while it is ours, and else left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.stack.installation import Installation

from sharedstate.stack.envfile import MARKER, EnvFile, EnvResult

VALUES = {
    "SUPABASE_URL": "http://127.0.0.1:8000",
    "SUPABASE_KEY": "agent",
    "SUPABASE_SERVICE_ROLE_KEY": "operator",
    "DATABASE_URL": "postgresql://postgres:secret@127.0.0.1:5432/agentcad",
}


@pytest.fixture
def env_file(tmp_path: Path) -> EnvFile:
    return EnvFile(tmp_path / ".env")


def test_a_missing_file_is_written_for_its_owner_alone(env_file: EnvFile) -> None:
    assert env_file.bring_up_to_date(VALUES).written == "written"
    assert env_file.path.stat().st_mode & 0o777 == 0o600
    lines = env_file.path.read_text().splitlines()
    assert lines == [MARKER, *(f"{name}={value}" for name, value in VALUES.items())]


def test_the_same_values_change_nothing(env_file: EnvFile) -> None:
    env_file.bring_up_to_date(VALUES)
    before = env_file.path.stat().st_mtime_ns
    assert env_file.bring_up_to_date(VALUES) == EnvResult()
    assert env_file.path.stat().st_mtime_ns == before


def test_our_file_follows_and_the_lines_of_others_stay(env_file: EnvFile) -> None:
    env_file.bring_up_to_date(VALUES)
    with env_file.path.open("a") as file:
        file.write("# mine\nOPENAI_KEY='a b $c'\n")
    result = env_file.bring_up_to_date(VALUES | {"SUPABASE_URL": "http://127.0.0.1:9000"})
    assert result.written == "updated SUPABASE_URL in"
    text = env_file.path.read_text()
    assert "SUPABASE_URL=http://127.0.0.1:9000\n" in text
    assert text.endswith("# mine\nOPENAI_KEY='a b $c'\n")
    assert env_file.path.stat().st_mode & 0o777 == 0o600


def test_a_file_without_our_line_is_left_as_it_is(env_file: EnvFile) -> None:
    text = "SUPABASE_URL=https://project.supabase.co\nOTHER=1\n"
    env_file.path.write_text(text)
    result = env_file.bring_up_to_date(VALUES)
    assert result.foreign == tuple(VALUES)
    assert env_file.path.read_text() == text


def test_up_warns_about_a_foreign_file_and_names_the_values(installation: Installation) -> None:
    (installation.root / ".env").write_text("SUPABASE_URL=https://project.supabase.co\n")
    answer = installation.up()
    assert answer.returncode == 0, answer.stderr
    assert "was not written by sharedstate" in answer.stderr
    assert "SUPABASE_URL" in answer.stderr
    assert (installation.root / ".env").read_text().count("\n") == 1


def test_a_client_finds_the_file_from_a_folder_below(shared_installation: Installation) -> None:
    below = shared_installation.root / "some" / "folder"
    below.mkdir(parents=True, exist_ok=True)
    program = (
        "from sharedstate import SharedState\n"
        "with SharedState() as state: print(len(state.get_all_subsystem_statuses()))"
    )
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("SUPABASE_")
    }
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=below, env=environment, capture_output=True, text=True
    )
    assert answer.stdout == "7\n", answer.stderr
