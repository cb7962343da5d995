"""The start of the database's container: our entry point, before a stand-in for the image's own.

Paths of the container are moved into a folder of the test; nothing else of the script is changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.compose.composefile import ROOT, as_written, mounts

from sharedstate_ops.stack.binaries import postgres_program

DATABASE = as_written()["services"]["db"]
# As docker-entrypoint.sh of the official image: scripts on an empty volume, then the server.
IMAGE = """\
#!/bin/sh
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  echo 17 > "$PGDATA/PG_VERSION"
  for script in {scripts}/*.sh; do "$script"; done
fi
echo "started: $*"
"""
OURS = '#!/bin/sh\nset -eu\ncat "$SHAREDSTATE_MIGRATIONS"/*.sql\n'
DONE = 'rm "$SHAREDSTATE_UNFINISHED"\n'


@dataclass
class Container:
    """What the script finds, each in a folder of its own below `root`."""

    root: Path

    def start(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                "sh",
                str(self.root / "sharedstate" / "db" / "entrypoint.sh"),
                "postgres",
                "-c",
                "a=b",
            ],
            env={"PATH": f"{self.root / 'bin'}:{os.environ['PATH']}", "PGDATA": str(self.data)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def setting(self, name: str) -> str:
        """Its value, as Postgres reads the image's file of settings."""
        command = [str(postgres_program("postgres")), "-C", name, "-D", str(self.settings.parent)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def settings(self) -> Path:
        return self.root / "etc" / "postgresql" / "postgresql.conf"

    @property
    def scripts(self) -> Path:
        return self.root / "docker-entrypoint-initdb.d"

    def write(self, script: Path, text: str) -> None:
        script.write_text(text)
        script.chmod(0o700)


@pytest.fixture
def container(tmp_path: Path) -> Container:
    """With mounts as a clone under `umask 077` has them: for their owner alone."""
    made = Container(tmp_path)
    for name in ("data", "bin", "etc/postgresql-custom", "docker-entrypoint-initdb.d"):
        (tmp_path / name).mkdir(parents=True)
    made.settings.parent.mkdir()
    made.settings.write_text("log_statement = 'all'  # none, ddl, mod, all\nport = 5432")
    for target, source in mounts(DATABASE).items():
        assert target.startswith("/sharedstate/")
        shutil.copytree(source, tmp_path / target.strip("/"))
    db = tmp_path / "sharedstate" / "db"
    text = (db / "entrypoint.sh").read_text()
    for path in (
        *("/sharedstate ", "/etc/postgresql-custom", "/docker-entrypoint-initdb.d"),
        "/etc/postgresql/",
    ):
        assert f" {path}" in text or f"={path}" in text
        text = text.replace(f" {path}", f" {tmp_path}{path}").replace(
            f"={path}", f"={tmp_path}{path}"
        )
    made.write(db / "entrypoint.sh", text)
    made.write(db / "initialise.sh", OURS + DONE)
    made.write(tmp_path / "bin" / "docker-entrypoint.sh", IMAGE.format(scripts=made.scripts))
    for each in (tmp_path / "sharedstate", *(tmp_path / "sharedstate").rglob("*")):
        each.chmod(0o700 if each.is_dir() or each.suffix == ".sh" else 0o600)
    return made


def test_compose_starts_the_container_by_our_entry_point() -> None:
    assert DATABASE["entrypoint"] == ["sh", "/sharedstate/db/entrypoint.sh"]
    assert mounts(DATABASE)["/sharedstate/db"] == ROOT / "compose" / "db"
    # The mark of an unfinished start is on a volume, and not on that of the data.
    assert "database-keys:/etc/postgresql-custom" in DATABASE["volumes"]


def test_the_first_start_applies_the_migrations_and_each_start_passes_the_command_on(
    container: Container,
) -> None:
    first = container.start()
    assert "create table public.subsystems" in first.stdout
    assert first.stdout.endswith("started: postgres -c a=b\n")
    second = container.start()
    assert (second.stdout, second.returncode) == ("started: postgres -c a=b\n", 0)


def test_a_clone_made_under_umask_077_is_readable_to_the_user_of_postgres(
    container: Container,
) -> None:
    assert container.start().returncode == 0
    assert (container.scripts / "zz_sharedstate.sh").stat().st_mode & 0o005 == 0o005
    copied = list((container.scripts / "sharedstate").rglob("*"))
    assert any(path.suffix == ".sql" for path in copied)
    for path in (container.scripts / "sharedstate", *copied):
        wanted = 0o005 if path.is_dir() else 0o004
        assert path.stat().st_mode & wanted == wanted, path


def test_no_statement_is_logged_whatever_the_image_logs_until_a_superuser_says_so(
    container: Container,
) -> None:
    for _ in range(2):
        assert container.start().returncode == 0
        assert container.setting("log_statement") == "none"
    assert container.settings.read_text().count("log_statement = 'none'") == 1
    assert container.setting("port") == "5432"
    # As `alter system` writes it.
    container.settings.with_name("postgresql.auto.conf").write_text("log_statement = 'all'\n")
    assert container.setting("log_statement") == "all"


@pytest.mark.parametrize("broken_off_in", ["the image's own scripts", "ours"])
def test_a_database_whose_first_start_broke_off_is_not_started_and_the_log_says_why(
    container: Container, broken_off_in: str
) -> None:
    """Its roles may be half made: `postgres` is a superuser until the image's scripts are done."""
    if broken_off_in == "ours":
        container.write(
            container.root / "sharedstate" / "db" / "initialise.sh", OURS + "kill -9 $$\n"
        )
    else:
        container.write(container.scripts / "migrate.sh", "#!/bin/sh\nkill -9 $$\n")
    assert container.start().returncode != 0
    again = container.start()
    assert again.returncode != 0
    assert "started" not in again.stdout
    assert "the first start of this database broke off" in again.stderr
    assert "docker compose down -v" in again.stderr


def test_a_database_of_before_this_mark_starts(container: Container) -> None:
    (container.data / "PG_VERSION").write_text("17\n")
    assert container.start().stdout == "started: postgres -c a=b\n"


def test_after_starting_over_it_is_a_first_start_again(container: Container) -> None:
    container.write(container.scripts / "migrate.sh", "#!/bin/sh\nexit 1\n")
    assert container.start().returncode != 0
    # `docker compose down -v`, here for the volume of the data alone.
    (container.data / "PG_VERSION").unlink()
    (container.scripts / "migrate.sh").unlink()
    assert container.start().stdout.endswith("started: postgres -c a=b\n")
    assert container.start().returncode == 0
