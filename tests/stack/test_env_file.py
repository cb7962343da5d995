"""`.env` is written when there is none, kept current while it is ours, and else left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.stack.installation import Installation

from sharedstate_ops.env_file import MARKER, bring_up_to_date
from sharedstate_ops.stack import StackError

VALUES = {
    "SUPABASE_URL": "http://127.0.0.1:8000",
    "SUPABASE_KEY": "agent",
    "SUPABASE_SERVICE_ROLE_KEY": "operator",
    "DATABASE_URL": "postgresql://postgres:secret@127.0.0.1:5432/agentcad",
}


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def test_a_missing_file_is_written_for_its_owner_alone(env_file: Path) -> None:
    assert bring_up_to_date(env_file, VALUES) == "written"
    assert env_file.stat().st_mode & 0o777 == 0o600
    lines = env_file.read_text().splitlines()
    assert lines == [MARKER, *(f"{name}={value}" for name, value in VALUES.items())]


def test_the_same_values_change_nothing(env_file: Path) -> None:
    bring_up_to_date(env_file, VALUES)
    before = env_file.stat().st_mtime_ns
    assert bring_up_to_date(env_file, VALUES) == ""
    assert env_file.stat().st_mtime_ns == before


def test_our_file_follows_and_the_lines_of_others_stay(env_file: Path) -> None:
    bring_up_to_date(env_file, VALUES)
    with env_file.open("a") as file:
        file.write("# mine\nOPENAI_KEY='a b $c'\n")
    result = bring_up_to_date(env_file, VALUES | {"SUPABASE_URL": "http://127.0.0.1:9000"})
    assert result == "updated SUPABASE_URL in"
    text = env_file.read_text()
    assert "SUPABASE_URL=http://127.0.0.1:9000\n" in text
    assert text.endswith("# mine\nOPENAI_KEY='a b $c'\n")
    assert env_file.stat().st_mode & 0o777 == 0o600


def test_a_file_without_our_line_is_left_as_it_is(env_file: Path) -> None:
    text = "SUPABASE_URL=https://project.supabase.co\nOTHER=1\n"
    env_file.write_text(text)
    with pytest.raises(StackError, match="has other values for SUPABASE_URL: programs"):
        bring_up_to_date(env_file, VALUES)
    assert env_file.read_text() == text


def test_an_error_about_a_foreign_env_file_names_only_values_that_differ(env_file: Path) -> None:
    lines = [f"{name}={value}\n" for name, value in (VALUES | {"SUPABASE_KEY": "other"}).items()]
    env_file.write_text("".join(lines))
    with pytest.raises(StackError, match="has other values for SUPABASE_KEY: programs"):
        bring_up_to_date(env_file, VALUES)


def test_values_that_a_file_of_others_lacks_are_named(env_file: Path) -> None:
    env_file.write_text(f"SUPABASE_URL={VALUES['SUPABASE_URL']}\n")
    missing = "SUPABASE_KEY, SUPABASE_SERVICE_ROLE_KEY, DATABASE_URL"
    with pytest.raises(StackError, match=f"does not set {missing}: programs"):
        bring_up_to_date(env_file, VALUES)


@pytest.mark.parametrize("text", ["OPENAI_KEY=1", "OPENAI_KEY=1\r\n# mine\n", ""])
def test_a_file_that_sets_none_of_our_values_gets_them_below_its_own_lines(
    env_file: Path, text: str
) -> None:
    env_file.write_bytes(text.encode())
    assert bring_up_to_date(env_file, VALUES).startswith("added SUPABASE_URL, ")
    added = "".join(f"{line}\n" for line in (MARKER, *(f"{n}={v}" for n, v in VALUES.items())))
    separator = "" if text.endswith("\n") or not text else "\n"
    assert env_file.read_bytes().decode() == text + separator + added
    assert env_file.stat().st_mode & 0o777 == 0o600
    # From then on it is ours.
    moved = VALUES | {"SUPABASE_URL": "http://127.0.0.1:9000"}
    assert bring_up_to_date(env_file, moved) == "updated SUPABASE_URL in"
    assert env_file.read_bytes().decode().startswith(text)


def test_rotated_keys_are_not_added_to_a_foreign_env_file(env_file: Path) -> None:
    env_file.write_text("OPENAI_KEY=1\n")
    with pytest.raises(StackError, match="does not set SUPABASE_KEY"):
        bring_up_to_date(env_file, {"SUPABASE_KEY": "new"}, extend=False)
    assert env_file.read_text() == "OPENAI_KEY=1\n"


def test_a_value_of_ours_that_somebody_deleted_comes_back(env_file: Path) -> None:
    env_file.write_text(f"{MARKER}\nSUPABASE_URL=old\nexport SUPABASE_KEY=old")
    bring_up_to_date(env_file, VALUES)
    assert env_file.read_text().splitlines() == [
        MARKER,
        "SUPABASE_URL=http://127.0.0.1:8000",
        "export SUPABASE_KEY=agent",
        "SUPABASE_SERVICE_ROLE_KEY=operator",
        "DATABASE_URL=postgresql://postgres:secret@127.0.0.1:5432/agentcad",
    ]


def test_a_link_to_a_file_elsewhere_stays_one(env_file: Path, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_text("OPENAI_KEY=1\n")
    env_file.symlink_to(real)
    bring_up_to_date(env_file, VALUES)
    assert env_file.is_symlink()
    assert "SUPABASE_KEY=agent\n" in real.read_text()


def test_up_warns_about_a_foreign_file_and_names_the_values(
    shared_installation: Installation,
) -> None:
    path = shared_installation.root / ".env"
    ours = path.read_text()
    path.write_text("SUPABASE_URL=https://project.supabase.co\n")
    answer = shared_installation.up()
    assert answer.returncode == 0, answer.stderr
    assert "was not written by sharedstate" in answer.stderr
    assert "other values for SUPABASE_URL: programs" in answer.stderr
    # What is in the file are no keys of this stack.
    assert "  keys " not in answer.stdout
    assert "psql" not in answer.stdout
    assert path.read_text().count("\n") == 1
    path.write_text("OPENAI_KEY=1\n")
    answer = shared_installation.up()
    assert "warning" not in answer.stderr
    assert "added SUPABASE_URL, SUPABASE_KEY, " in answer.stdout
    assert f"  keys      {path}" in answer.stdout
    assert path.read_text() == f"OPENAI_KEY=1\n{ours}"


@pytest.mark.parametrize("kind", ["folder", "bytes"])
def test_a_file_that_is_no_text_does_not_spoil_an_up(
    shared_installation: Installation, kind: str
) -> None:
    path = shared_installation.root / ".env"
    ours = path.read_text()
    path.unlink()
    try:
        if kind == "folder":
            path.mkdir()
        else:
            path.write_bytes(b"KEY=\xff\xfe\n")
        answer = shared_installation.up()
    finally:
        if path.is_dir():
            path.rmdir()
        path.write_text(ours)
    assert answer.returncode == 0, answer.stderr
    problem = "Is a directory" if kind == "folder" else "not UTF-8 text"
    assert f".env cannot be read: {'it is ' if kind == 'bytes' else ''}{problem}" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "sharedstate was already running" in answer.stdout


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
