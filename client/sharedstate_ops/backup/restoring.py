"""`sharedstate restore`: a backup into a database, all of it or nothing, in one transaction."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import chain
from pathlib import Path

import psycopg

from sharedstate_ops.backup import archive, ours
from sharedstate_ops.stack import migrations
from sharedstate_ops.stack.binaries import postgres_program
from sharedstate_ops.stack.errors import StackError

# How far numbers jump: more than can have been handed out since the backup was made.
DEFAULT_GAP = 1_000_000
_NOT_EMPTY = "sharedstate: the database holds data"


@dataclass(frozen=True)
class Restored:
    """What was put back, and what of the backup was not, because it is not ours."""

    tables: list[str]
    added_by_others: list[str]
    roles_missing: list[str]


def restore(
    connection: psycopg.Connection[tuple[object, ...]],
    environment: dict[str, str],
    path: Path,
    *,
    force: bool = False,
    gap: int = DEFAULT_GAP,
) -> Restored:
    """Put what a backup holds in the place of what is ours.

    In `environment`, a whole one, psql finds the same database as `connection`. Refused where there
    is more than untouched defaults, unless `force`. Numbers go on `gap` beyond the greatest of the
    backup and of the database that is replaced. Leases end. What others have put on our tables here
    (indexes, triggers, policies, rights) stays; StackError if it cannot.
    """
    _check(path)
    ledger = archive.ledger(path)
    mine = ours.made_by(ledger)
    everything = archive.entries(path)
    contents = archive.wanted(everything, mine)
    tables = archive.tables_in(contents)
    if "core.workspaces" not in tables:
        raise StackError(f"{path} is no backup of sharedstate.")
    settings = _settings(connection, ledger, force=force, gap=gap)
    with tempfile.TemporaryDirectory() as folder:
        objects, granting = archive.rights_apart(contents)
        rights, missing = archive.known_rights(
            archive.as_sql(path, _list(folder, "rights", granting)), _roles(connection)
        )
        body = archive.as_sql(path, _list(folder, "objects", objects))
        with contextlib.closing(body), _psql(environment) as shell:
            try:
                # A broken pipe: psql has ended with an error, which it tells below.
                with contextlib.suppress(BrokenPipeError):
                    _feed(shell, settings, ours.default_privileges(ledger), chain(body, rights))
            except BaseException:
                shell.kill()
                raise
            problem = _end(shell)
    if problem:
        raise _error(problem, path)
    return Restored(tables, archive.added_by_others(everything, mine), sorted(missing))


def _list(folder: str, name: str, entries: list[str]) -> Path:
    """A file for `pg_restore --use-list`."""
    path = Path(folder) / name
    path.write_text("\n".join(entries) + "\n", encoding="utf-8")
    return path


def _roles(connection: psycopg.Connection[tuple[object, ...]]) -> set[str]:
    return {str(name) for (name,) in connection.execute("select rolname from pg_roles")}


def _check(path: Path) -> None:
    noted = archive.checksum_file(path)
    if not path.is_file():
        raise StackError(f"there is no {path}.")
    if noted.is_file() and noted.read_text().split()[:1] != [archive.checksum(path)]:
        raise StackError(
            f"{path} is not what was written: its checksum differs from {noted.name}.",
            hint="Take another copy of it, or another backup.",
        )
    archive.read_through(path)


def _settings(
    connection: psycopg.Connection[tuple[object, ...]],
    ledger: ours.Ledger,
    *,
    force: bool,
    gap: int,
) -> dict[str, object]:
    present = ours.read_ledger(connection)
    replaced = ours.made_by(present)
    return {
        "gap": gap,
        "force": force,
        "relations": sorted(replaced.relations),
        "routines": sorted(replaced.routines),
        "types": sorted(replaced.types),
        "words": sorted(replaced.words),
        "same_schema": ours.same_schema(present, ledger),
        # Others' migrations: what they made is not in the backup, and stays where it is.
        "of_others_here": ours.of_others(present),
        "of_others_there": ours.of_others(ledger),
    }


def _psql(environment: dict[str, str]) -> subprocess.Popen[str]:
    options = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file=-")
    return subprocess.Popen(
        [str(postgres_program("psql")), *options],
        env=environment | {"PGCLIENTENCODING": "UTF8", "PGAPPNAME": "sharedstate"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="surrogateescape",
    )


def _feed(
    shell: subprocess.Popen[str],
    settings: dict[str, object],
    default_privileges: list[str],
    body: Iterator[str],
) -> None:
    assert shell.stdin is not None
    quoted = json.dumps(settings).replace("'", "''")
    shell.stdin.write("begin;\nset local client_min_messages = warning;\n")
    shell.stdin.write(f"select set_config('sharedstate.restore', '{quoted}', true);\n")
    shell.stdin.write("set local search_path = '';\nset local statement_timeout = 0;\n")
    shell.stdin.write("set local lock_timeout = '60s';\n")
    # The migration runner's own lock: nobody migrates meanwhile.
    shell.stdin.write(f"select pg_advisory_xact_lock({migrations.ADVISORY_LOCK});\n")
    shell.stdin.write(migrations.LEDGER)
    shell.stdin.write(_script("before"))
    shell.stdin.write("\n".join(default_privileges) + "\n")
    for line in body:
        # A Postgres 17 says it, an older one does not know it.
        if line != "SET transaction_timeout = 0;\n":
            shell.stdin.write(line)
    shell.stdin.write(_script("after"))
    shell.stdin.write("commit;\n")


def _script(name: str) -> str:
    return files("sharedstate_ops.backup").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def _end(shell: subprocess.Popen[str]) -> str:
    assert shell.stderr is not None
    assert shell.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        shell.stdin.close()
    problem = shell.stderr.read()
    return problem if shell.wait() != 0 else ""


def _error(problem: str, path: Path) -> StackError:
    if _NOT_EMPTY in problem:
        return StackError(
            "this database holds data, which the backup would replace.",
            hint="Save it first (sharedstate backup), then restore with --force.",
        )
    return StackError(
        f"{path} could not be restored; the database is as it was.\n{problem.strip()}",
    )
