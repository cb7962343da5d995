"""The compose files on the pinned images: `make test-compose`. Not part of `make test`.

It needs a Docker Engine that can pull the images of docker-compose.yml, or has them (some 2 GB),
with Compose 2.21 or newer, and some ten minutes. It makes a project of its own, named
sharedstate-test-..., with volumes and ports of its own, and deletes it in the end. To kill a
process as a crash would, it runs `kill` in a container that sees the processes of the engine
(--pid=host).

Each test goes on with the project as the one before left it: run all of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import httpx
import pytest
from tests.compose.composefile import as_written
from tests.compose.engine import Engine, clone, commands_of_the_page, secrets
from tests.load import Load
from tests.stack.installation import Installation

from sharedstate import SharedState
from sharedstate_ops.stack.connections import connect

pytestmark = pytest.mark.timeout(1800)
SERVICES = sorted(as_written()["services"])
# Calls that are acknowledged before an event, and after it.
ENOUGH = 100


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The running project; deleted in the end."""
    made = clone(tmp_path_factory.mktemp("engine"))
    if shutil.which("docker") is None or made.docker("info", check=False).returncode != 0:
        needed = "the first lines of tests/compose/on_engine.py say what is needed"
        pytest.fail(f"no Docker Engine answers: {needed}", pytrace=False)
    made.compose("pull", timeout=1500)
    try:
        made.up()
        yield made
    finally:
        made.scaled().compose("down", "--volumes", "--remove-orphans")


def audit(engine: Engine, load: Load) -> None:
    with connect(engine.variables["DATABASE_URL"]) as connection:
        load.audit(connection)


def test_the_first_start_of_a_clone_under_umask_077_ends_with_all_parts_healthy(
    engine: Engine,
) -> None:
    found = engine.containers()
    assert sorted(each.service for each in found) == SERVICES
    assert all(each.is_healthy for each in found)
    query = "select rolsuper from pg_roles where rolname = 'postgres'"
    superuser = "docker compose exec db psql -h 127.0.0.1 -U supabase_admin -d agentcad -Atc"
    assert engine.typed(f'{superuser} "{query}"') == "f\n"


def test_the_workers_of_nginx_may_read_the_board_of_such_a_clone(engine: Engine) -> None:
    answer = httpx.get(f"{engine.url}/board/main.js", trust_env=False)
    assert answer.status_code == 200


def test_the_first_start_logs_no_secret(engine: Engine) -> None:
    logged = engine.logs()
    assert "applying migration" in logged
    for name, value in secrets(engine.variables).items():
        assert value not in logged, name


def test_the_commands_of_the_page_work(engine: Engine) -> None:
    here = Installation(engine.folder)
    for command in (["init"], ["status"], ["psql", "-c", "select cleanup_expired_locks()"]):
        done = here.run(*command, "--home", str(engine.folder))
        assert done.returncode == 0, done.stderr
    for typed in commands_of_the_page():
        engine.typed(typed)


def test_the_data_survives_down_and_up(engine: Engine) -> None:
    load = Load(engine.url, engine.variables["SUPABASE_KEY"])
    try:
        load.await_more(ENOUGH)
    finally:
        load.finish()
    engine.compose("down")
    assert engine.containers() == []
    engine.up()
    audit(engine, load)


@pytest.mark.parametrize("service", SERVICES)
def test_a_part_that_is_killed_under_load_comes_back_and_nothing_is_lost(
    engine: Engine, service: str
) -> None:
    load = Load(engine.url, engine.variables["SUPABASE_KEY"])
    try:
        load.await_more(ENOUGH)
        (container,) = (each for each in engine.containers() if each.service == service)
        engine.crash(container)
        load.await_more(ENOUGH)
    finally:
        load.finish()
    engine.await_healthy()
    audit(engine, load)


def test_with_the_scale_file_one_of_two_postgrest_is_killed_under_load_and_nothing_is_lost(
    engine: Engine,
) -> None:
    scaled = engine.scaled()
    scaled.up()
    rest = [each for each in scaled.containers() if each.service == "rest"]
    assert len(rest) == 2
    load = Load(engine.url, engine.variables["SUPABASE_KEY"])
    try:
        load.await_more(ENOUGH)
        for container in rest:
            scaled.crash(container)
            load.await_more(ENOUGH)
            scaled.await_healthy()
    finally:
        load.finish()
    audit(engine, load)
    engine.up()


def test_a_first_start_that_is_killed_is_not_continued_and_the_log_says_why(
    engine: Engine,
) -> None:
    assert len(engine.volumes()) == 4
    engine.compose("down", "--volumes")
    assert engine.volumes() == set()
    engine.compose("up", "-d", "db")
    engine.await_log("db", "running /docker-entrypoint-initdb.d/migrate.sh")
    (db,) = engine.containers()
    engine.crash(db)
    assert engine.compose("up", "-d", "--wait", check=False).returncode != 0
    assert "the first start of this database broke off" in engine.logs("db")


def test_starting_over_is_a_first_start_without_the_data(engine: Engine) -> None:
    engine.compose("down", "--volumes")
    engine.up()
    with SharedState(url=engine.url, key=engine.variables["SUPABASE_KEY"]) as state:
        assert state.get_recent_activity() == []
