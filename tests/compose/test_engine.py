"""What `make test-compose` is made of, without an engine: a stand-in for the program `docker`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml
from tests.compose import engine as module
from tests.compose.composefile import as_written, real_compose
from tests.compose.engine import Container, Engine, clone, commands_of_the_page, read_ps, secrets
from tests.load import Load

from sharedstate import errors
from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.connections import connect

# Printed by Compose 2.40.3, but for what read_ps does not look at.
PS = """\
{"ID":"dbdbdbdbdbdb","Service":"db","ExitCode":0,"State":"running","Health":"healthy"}
{"ID":"gatewaygatew","Service":"gateway","ExitCode":137,"State":"exited","Health":""}
{"ID":"restrestrest","Service":"rest","ExitCode":0,"State":"running","Health":"starting"}
"""
# Notes each call, and answers it by the first line of `answers` that has one for these words.
DOCKER = """\
#!{python}
import json, pathlib, sys
here = pathlib.Path({folder!r})
with open(here / "calls", "a") as calls:
    print(json.dumps(sys.argv[1:]), file=calls)
answers = json.loads((here / "answers").read_text())
for number, (word, printed, code) in enumerate(answers):
    if word in sys.argv:
        if any(later[0] == word for later in answers[number + 1:]):
            (here / "answers").write_text(json.dumps(answers[:number] + answers[number + 1:]))
        print(printed)
        sys.exit(code)
"""


class Docker:
    """The stand-in: what it was asked, and what it is to answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "docker"
        program.write_text(DOCKER.format(python=sys.executable, folder=str(folder)))
        program.chmod(0o755)
        self.answer()

    def answer(self, *answers: tuple[str, str, int]) -> None:
        """To a call with this word, what is printed and the exit code; the last one stays."""
        (self.folder / "answers").write_text(json.dumps(answers))

    def calls(self) -> list[list[str]]:
        lines = (self.folder / "calls").read_text().splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture
def docker(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """The program that the tests find under this name."""
    made = Docker(tmp_path_factory.mktemp("docker"))
    monkeypatch.setenv("PATH", str(made.folder), prepend=":")
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)
    return made


@pytest.fixture
def engine(docker: Docker, tmp_path: Path) -> Engine:
    return clone(tmp_path)


def test_the_clone_is_a_project_of_its_own_whatever_the_environment_says(
    docker: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "somebody-elses")
    monkeypatch.setenv("POSTGRES_PASSWORD", "somebody-elses")
    (docker.folder / "docker").write_text(f'#!/bin/sh\nshift\nexec {real_compose()} "$@"\n')
    made = clone(tmp_path)
    read = yaml.safe_load(made.scaled().compose("config").stdout)
    assert read["name"] == made.variables["COMPOSE_PROJECT_NAME"]
    assert read["name"].startswith("sharedstate-test-")
    assert "somebody-elses" not in json.dumps(read)
    assert read["services"]["rest"]["deploy"]["replicas"] == 2
    assert "deploy" not in yaml.safe_load(made.compose("config").stdout)["services"]["rest"]
    published = {
        port["published"] for each in read["services"].values() for port in each.get("ports", [])
    }
    assert published == {made.variables[f"{name}_PORT"] for name in ("DB", "API", "STUDIO")}
    assert made.url.endswith(f":{made.variables['API_PORT']}")


def test_the_clone_is_readable_to_its_owner_alone(engine: Engine) -> None:
    assert {path.stat().st_mode & 0o077 for path in engine.folder.rglob("*")} == {0}
    assert len(set(secrets(engine.variables).values()) - {""}) == 7


def test_ps_is_read_line_by_line_and_only_what_runs_and_is_checked_is_healthy() -> None:
    assert read_ps(PS) == [
        Container("dbdbdbdbdbdb", "db", True),
        Container("gatewaygatew", "gateway", False),
        Container("restrestrest", "rest", False),
    ]
    assert read_ps("") == []


def test_awaiting_health_ends_when_all_are_healthy_and_else_names_those_that_are_not(
    docker: Docker, engine: Engine
) -> None:
    docker.answer(("ps", PS.strip(), 0), ("ps", PS.splitlines()[0], 0))
    engine.await_healthy()
    docker.answer(("ps", PS.strip(), 0))
    with pytest.raises(AssertionError, match="'gateway', 'rest'"):
        engine.await_healthy(seconds=0)


def test_a_command_that_fails_is_an_error_with_what_it_printed(
    docker: Docker, engine: Engine
) -> None:
    docker.answer(("up", "port is already allocated", 1))
    with pytest.raises(
        AssertionError, match="up -d --wait ended with 1: port is already allocated"
    ):
        engine.up()
    assert engine.compose("up", check=False).returncode == 1


def test_a_crash_is_a_kill_of_the_process_and_ends_when_the_container_runs_again(
    docker: Docker, engine: Engine
) -> None:
    counted = "--format={{.RestartCount}}"
    docker.answer(
        ("--format={{.State.Pid}}", "4711", 0), *((counted, count, 0) for count in ("2", "2", "3"))
    )
    engine.crash(Container("abc", "rest", True))
    image = as_written()["services"]["gateway"]["image"]
    assert docker.calls() == [
        ["inspect", counted, "abc"],
        ["inspect", "--format={{.State.Pid}}", "abc"],
        ["run", "--rm", "--pid=host", "--entrypoint=kill", image, "-9", "4711"],
        ["inspect", counted, "abc"],
        ["inspect", counted, "abc"],
    ]


def test_commands_of_the_page_are_run_word_by_word_and_without_a_terminal(
    docker: Docker, engine: Engine
) -> None:
    typed = [command for command in commands_of_the_page() if "log_statement" in command]
    engine.typed(typed[0])
    (call,) = docker.calls()
    assert call[:5] == ["compose", "--file=docker-compose.yml", "exec", "-T", "db"]
    assert call[-3:] == ["alter system set log_statement = 'all'", "-c", "select pg_reload_conf()"]


def test_volumes_and_logs_are_asked_of_this_project_alone(docker: Docker, engine: Engine) -> None:
    docker.answer(("volume", "one\ntwo", 0), ("logs", "first\nlast words", 0))
    assert engine.volumes() == {"one", "two"}
    engine.await_log("db", "last words")
    with pytest.raises(AssertionError, match="db did not print 'nothing'"):
        engine.await_log("db", "nothing", seconds=0)
    project = engine.variables["COMPOSE_PROJECT_NAME"]
    assert docker.calls()[0][-1] == f"--filter=label=com.docker.compose.project={project}"


def test_the_audit_names_a_write_that_is_lost_and_one_that_is_there_twice(
    stack: StackInfo,
) -> None:
    load = Load(stack.url, stack.agent_key)
    try:
        load.await_more(50)
    finally:
        load.finish()
    change = """update agent_activity_logs set details = '{"name": "0-1"}'
                where activity = %s and details ->> 'name' = '1-1'"""
    with connect(stack.database_url) as connection:
        load.audit(connection)
        connection.execute(change, [load.activity])
        with pytest.raises(AssertionError, match=r"lost {'1-1'}, twice {'0-1'}"):
            load.audit(connection)


def test_the_load_raises_what_an_agent_was_refused(stack: StackInfo) -> None:
    load = Load(stack.url, stack.anon_key)
    with pytest.raises(errors.PermissionDenied):
        load.finish()
