"""What status, init and the errors look like to the person who types."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tests.stack.installation import Installation

from sharedstate_ops.stack import Stack, paths, processes
from sharedstate_ops.stack.binaries import postgres_program
from sharedstate_ops.stack.connections import connect
from sharedstate_ops.stack.errors import NoConnection
from sharedstate_ops.stack.keys import read_keys, write_keys


def test_status_shows_each_part_with_port_and_version(shared_installation: Installation) -> None:
    answer = shared_installation.run("status")
    assert answer.returncode == 0, answer.stdout
    rows = {line.split()[0]: line.split() for line in answer.stdout.splitlines() if line.strip()}
    db_port, api_port = map(str, shared_installation.ports)
    psql = subprocess.run(
        [postgres_program("psql"), "--version"], capture_output=True, text=True, check=True
    )
    assert rows["postgres"][1:4] == ["yes", db_port, psql.stdout.split()[2]]
    assert rows["postgrest"][1::2][:2] == ["yes", "12.0.2"]
    assert rows["nginx"][1:4] == ["yes", api_port, "1.25.4"]
    assert len(rows["schema"][1]) == 14
    assert "pending" not in rows


def test_status_says_what_was_not_started_and_fails(installation: Installation) -> None:
    answer = installation.run("status")
    assert answer.returncode == 1
    assert answer.stdout.count("not started") == 3
    assert not (installation.root / ".sharedstate").exists()


def test_a_part_that_hangs_is_seen_as_not_ready(installation: Installation) -> None:
    installation.up()
    process = installation.process("postgrest")
    process.suspend()
    try:
        status = installation.run("status")
        assert status.returncode == 1
        assert "its port does not answer" in status.stdout
        # And up does something about it.
        answer = installation.up()
        assert answer.returncode == 0, answer.stderr
        assert installation.run("status").returncode == 0
    finally:
        with suppress(psutil.NoSuchProcess):
            process.resume()


def test_init_makes_a_workspace_once_and_keeps_it(shared_installation: Installation) -> None:
    for _ in range(2):
        answer = shared_installation.run("init", "--workspace", "arm-7")
        assert answer.returncode == 0, answer.stderr
        assert "workspace arm-7 is ready; the schema is up to date." in answer.stdout
    listing = shared_installation.run("status").stdout
    assert listing.count("arm-7") == 1


def test_init_refuses_an_odd_name_with_the_reason(shared_installation: Installation) -> None:
    answer = shared_installation.run("init", "--workspace", "odd ")
    assert answer.returncode == 1
    assert "invalid_argument" in answer.stderr
    assert "begins or ends with a space" in " ".join(answer.stderr.split())
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("name", ["Fuß links", "手, 100% [bold]"])
def test_init_status_and_psql_take_a_name_as_it_is(
    shared_installation: Installation, name: str
) -> None:
    answer = shared_installation.run("init", "--workspace", name)
    assert answer.returncode == 0, answer.stderr
    assert name in answer.stdout
    assert name in shared_installation.run("status").stdout
    query = f"select count(*) from subsystems where workspace = '{name}'"
    assert shared_installation.run("psql", "-Atc", query).stdout == "7\n"


def test_init_uses_the_address_in_the_environment(
    shared_installation: Installation, installation: Installation
) -> None:
    info = Stack(shared_installation.root).info
    installation.environment["DATABASE_URL"] = info.database_url
    answer = installation.run("init", "--workspace", "by-address")
    assert answer.returncode == 0, answer.stderr
    assert "by-address" in shared_installation.run("status").stdout


def test_init_waits_only_so_long_and_says_what_to_do(installation: Installation) -> None:
    port = processes.free_port()
    address = f"postgresql://postgres:x@{processes.HOST}:{port}/agentcad"
    installation.environment["DATABASE_URL"] = address
    answer = installation.run("init", "--timeout", "0.5")
    assert answer.returncode == 1
    assert "was not ready after" in answer.stderr
    assert "docker compose ps" in answer.stderr
    assert "sharedstate up" not in answer.stderr


def test_a_refused_login_with_the_env_file_names_that_file(
    shared_installation: Installation, installation: Installation
) -> None:
    port = shared_installation.ports[0]
    address = f"postgresql://postgres:x@{processes.HOST}:{port}/agentcad"
    env_file = installation.root / ".env"
    env_file.write_text(f"DATABASE_URL={address}\n")
    for command in ("init", "status"):
        answer = installation.run(command)
        assert answer.returncode == 1
        said = answer.stdout + answer.stderr
        assert "password authentication failed" in said
        assert f"Check DATABASE_URL in {env_file}" in said
        assert "sharedstate up" not in said


def test_the_hint_for_a_stopped_stack_is_to_start_it(installation: Installation) -> None:
    installation.up()
    installation.run("down")
    answer = installation.run("init", "--timeout", "0.1")
    assert answer.returncode == 1
    assert "`sharedstate up` starts it" in answer.stderr
    said = installation.run("status").stdout
    # As words of the table: the name of this test is in the path of the home.
    assert (len(re.findall(r" stopped *$", said, re.M)), said.count("not started")) == (3, 0)


def test_status_without_a_stack_of_its_own_shows_the_database_of_the_env_file(
    shared_installation: Installation, installation: Installation
) -> None:
    info = Stack(shared_installation.root).info
    (installation.root / ".env").write_text(f"DATABASE_URL={info.database_url}\n")
    answer = installation.run("status")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"database  of {installation.root / '.env'}" in answer.stdout
    assert "schema    2" in answer.stdout
    assert "of 7 subsystems complete" in answer.stdout
    assert "postgrest" not in answer.stdout
    assert "embedded  not started" in answer.stdout


def test_commands_use_the_database_of_the_env_file_before_a_running_stack_when_it_answers(
    shared_installation: Installation, installation: Installation
) -> None:
    """Agents in this folder read the same file."""
    installation.up()
    (installation.root / ".env").write_text(
        f"DATABASE_URL={Stack(shared_installation.root).info.database_url}\n"
    )
    ports = "psql", "-Atc", "show port"
    assert installation.run(*ports).stdout.strip() == str(shared_installation.ports[0])
    assert "embedded  running" in installation.run("status").stdout
    free = processes.free_port()
    (installation.root / ".env").write_text(
        f"DATABASE_URL=postgresql://postgres:x@{processes.HOST}:{free}/agentcad\n"
    )
    assert installation.run(*ports).stdout.strip() == str(installation.ports[0])
    assert "postgrest" in installation.run("status").stdout


def test_init_with_a_wrong_password_does_not_wait(shared_installation: Installation) -> None:
    port = shared_installation.ports[0]
    wrong = Installation(
        shared_installation.root,
        environment={"DATABASE_URL": f"postgresql://postgres:x@{processes.HOST}:{port}/agentcad"},
    )
    answer = wrong.run("init")
    assert answer.returncode == 1
    assert "password authentication failed" in answer.stderr


def test_init_without_any_database_says_how_to_start_one(installation: Installation) -> None:
    answer = installation.run("init")
    assert answer.returncode == 1
    assert "sharedstate up" in answer.stderr


def test_psql_reaches_the_database_without_a_password_in_sight(
    shared_installation: Installation,
) -> None:
    query = "select count(*) from subsystems where workspace = 'default'"
    answer = shared_installation.run("psql", "-Atc", query)
    assert answer.stdout == "7\n", answer.stderr


def test_psql_finds_the_installation_that_the_environment_names(
    shared_installation: Installation, tmp_path: Path
) -> None:
    elsewhere = Installation(
        tmp_path, environment={"SHAREDSTATE_HOME": str(shared_installation.root)}
    )
    answer = elsewhere.run("psql", "-Atc", "show port")
    assert answer.stdout.split() == [str(shared_installation.ports[0])], answer.stderr


def test_prune_deletes_what_is_old_in_one_workspace_and_counts_it(
    shared_installation: Installation,
) -> None:
    shared_installation.run("init", "--workspace", "pruned")
    fill = (
        'insert into agent_activity_logs (workspace, agent_name, activity, "timestamp") '
        "select w, 'a', 'b', clock_timestamp() - n * interval '1 day' "
        "from generate_series(0, 40) as n, unnest(array['default', 'pruned']) as w"
    )
    assert shared_installation.run("psql", "-c", fill).returncode == 0
    command = ("prune", "--older-than", "30d", "--workspace", "pruned")
    answer = shared_installation.run(*command)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("11 entries of workspace pruned before ")
    assert shared_installation.run(*command).stdout.startswith("0 entries")
    count = "select count(*) from agent_activity_logs where activity = 'b' group by workspace"
    kept = shared_installation.run("psql", "-Atc", f"{count} order by workspace").stdout.split()
    assert kept == ["41", "30"]


def test_prune_refuses_an_age_that_is_none_and_an_unknown_workspace(
    shared_installation: Installation,
) -> None:
    for age in ("30", "d", "-1d", "1.5d", "1y", "", "999999w"):
        answer = shared_installation.run("prune", "--older-than", age)
        assert answer.returncode == 2, age
        expected = "too long" if age == "999999w" else "is no time"
        assert expected in answer.stderr, age
    answer = shared_installation.run("prune", "--older-than", "1d", "--workspace", "typo")
    assert answer.returncode == 1
    assert "unknown_workspace" in answer.stderr


def test_status_says_of_a_database_that_refuses_why(shared_installation: Installation) -> None:
    path = shared_installation.root / ".sharedstate" / "keys.json"
    right = path.read_text()
    try:
        keys = read_keys(path)
        assert keys is not None
        write_keys(path, replace(keys, postgres_password="x"))
        status = shared_installation.run("status")
    finally:
        path.write_text(right)
    assert status.returncode == 1
    assert 'it is not ready: password authentication failed for user "postgres"' in status.stdout


def test_a_connection_that_is_refused_is_named_so(shared_installation: Installation) -> None:
    port = processes.free_port()
    with (
        pytest.raises(NoConnection, match="Connection refused") as caught,
        connect(f"postgresql://x:x@{processes.HOST}:{port}/x"),
    ):
        pass
    assert caught.value.reason == "Connection refused"


def test_a_file_that_cannot_be_read_is_an_error_and_no_traceback(
    installation: Installation,
) -> None:
    # As for somebody who looks at the stack of another user; root reads all but a folder.
    path = installation.root / ".sharedstate" / "keys.json"
    path.mkdir(parents=True)
    for answer in (installation.run("status"), installation.up(), installation.run("token")):
        assert answer.returncode == 1
        assert f"error: {path}: Is a directory" in answer.stderr
        assert "Traceback" not in answer.stderr


def test_an_env_file_that_is_no_text_is_an_error_and_no_traceback(
    installation: Installation,
) -> None:
    (installation.root / ".env").write_bytes(b"DATABASE_URL=\xff\xfe\n")
    answer = installation.run("init")
    assert answer.returncode == 1
    assert "is not UTF-8 text" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_no_command_on_the_running_stack_takes_an_address_from_the_environment(
    shared_installation: Installation, tmp_path: Path
) -> None:
    foreign = {"PGSERVICE": "x", "PGSSLMODE": "require", "PGHOSTADDR": "192.0.2.1"}
    backup = str(tmp_path / "backup.dump")
    shared_installation.environment |= foreign
    try:
        assert shared_installation.run("psql", "-Atc", "select 1").stdout == "1\n"
        for command in (["init"], ["backup", backup], ["restore", "--force", backup]):
            answer = shared_installation.run(*command)
            assert answer.returncode == 0, answer.stderr
    finally:
        for name in foreign:
            del shared_installation.environment[name]


def test_the_home_is_the_nearest_of_a_folder_with_data_and_the_checkout(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    below = checkout / "examples" / "deep"
    below.mkdir(parents=True)
    (tmp_path / ".sharedstate" / "postgres").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "checkout_root", lambda: checkout)
        # What lies above the checkout was made for something else.
        assert paths.find_home(below).root == checkout
        assert paths.find_home(checkout).root == checkout
        assert paths.find_home(tmp_path).root == tmp_path
        (below / ".sharedstate").mkdir()
        (below / ".sharedstate" / "hook-failures.jsonl").touch()
        assert paths.find_home(below).root == checkout
        (below / ".sharedstate" / "keys.json").touch()
        assert paths.find_home(below).root == below
        patch.setattr(paths, "checkout_root", lambda: None)
        assert paths.find_home(checkout).root == tmp_path


def test_hints_name_the_program_as_it_has_to_be_typed(tmp_path: Path) -> None:
    program = tmp_path / ".venv" / "bin" / "sharedstate"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!{sys.executable}\nfrom sharedstate_ops.cli import app\napp()\n")
    program.chmod(0o755)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}

    def run(command: str, *arguments: str, folder: Path = tmp_path) -> str:
        answer = subprocess.run(
            [command, *arguments], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert answer.returncode == 1
        return answer.stdout + answer.stderr

    assert "Start the embedded stack: .venv/bin/sharedstate up" in run(
        ".venv/bin/sharedstate", "init"
    )
    assert "start it  .venv/bin/sharedstate up" in run(str(program), "status")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    said = run(str(program), "init", folder=elsewhere)
    assert f"Start the embedded stack: {program} up" in said
    environment["PATH"] = f"{program.parent}:/usr/bin:/bin"
    assert "Start the embedded stack: sharedstate up" in run("sharedstate", "init")
    assert "`sharedstate up` makes the first ones" in run("sharedstate", "keys", "--rotate")
