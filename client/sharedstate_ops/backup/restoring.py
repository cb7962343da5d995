"""`sharedstate restore`: a backup into a database, all of it or nothing, in one transaction."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from sharedstate_ops.backup import archive, ours
from sharedstate_ops.stack import migrations
from sharedstate_ops.stack.binaries import postgres_program
from sharedstate_ops.stack.connections import Connection
from sharedstate_ops.stack.errors import StackError

# How far numbers jump: more than can have been handed out since the backup was made.
DEFAULT_GAP = 1_000_000
_DEFAULT_PRIVILEGES = re.compile(r"^alter default privileges[^;]*;", re.IGNORECASE | re.MULTILINE)
_NOT_EMPTY = "sharedstate: the database holds data"


def restore(
    connection: Connection,
    environment: dict[str, str],
    path: Path,
    *,
    force: bool = False,
    gap: int = DEFAULT_GAP,
) -> list[str]:
    """Put a backup into an empty database, or in the place of our own schema; the tables.

    In `environment`, a whole one, psql finds the same database as `connection`. Refused where there
    is more than untouched defaults, unless `force`, and always where there is something of others.
    Numbers go on `gap` beyond the greatest of the backup and of what is replaced. Leases end.
    """
    _check(path)
    contents = [entry for entry in archive.entries(path) if entry.is_wanted]
    tables = archive.tables_in(contents)
    if "core.workspaces" not in tables:
        raise StackError(f"{path} is no backup of sharedstate.")
    if others := ours.of_others(connection):
        shown = ", ".join(others[:10]) + (" and more" if len(others) > 10 else "")
        raise StackError(
            f"this database also holds what is not of sharedstate: {shown}.",
            hint="A restore would lose it. Restore into a database of its own, or drop it before.",
        )
    mine = ours.made_by(ours.read_ledger(connection)[0])
    settings = {"force": force, "gap": gap, **mine}
    with tempfile.TemporaryDirectory() as folder:
        chosen = Path(folder) / "chosen"
        chosen.write_text("\n".join(entry.line for entry in contents), encoding="utf-8")
        body = archive.as_sql(path, chosen)
        with contextlib.closing(body), _psql(environment) as shell:
            assert shell.stdin is not None
            try:
                # A broken pipe: psql has ended with an error, which it tells below.
                with contextlib.suppress(BrokenPipeError):
                    shell.stdin.writelines(_transaction(settings, body))
            except BaseException:
                shell.kill()
                shell.communicate()
                raise
            problem = shell.communicate()[1]
    if shell.returncode != 0:
        raise _error(problem, path)
    return tables


def _check(path: Path) -> None:
    noted = archive.checksum_file(path)
    if noted.is_file() and noted.read_text().split()[:1] != [archive.checksum(path)]:
        raise StackError(
            f"{path} is not what was written: its checksum differs from {noted.name}.",
            hint="Take another copy of it, or another backup.",
        )
    archive.read_through(path)


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


def _transaction(settings: dict[str, object], body: Iterator[str]) -> Iterator[str]:
    quoted = json.dumps(settings).replace("'", "''")
    yield f"""begin;
    set local client_min_messages = warning;
    select set_config('sharedstate.restore', '{quoted}', true);
    set local search_path = '';
    set local statement_timeout = 0;
    set local lock_timeout = '60s';
    -- The migration runner's own lock: nobody migrates meanwhile.
    select pg_advisory_xact_lock({migrations.ADVISORY_LOCK});
    """
    yield migrations.LEDGER
    yield _script("before")
    # What our migrations say about objects that are made later: no dump carries all of it.
    for migration in migrations.available():
        yield from _DEFAULT_PRIVILEGES.findall(migration.text)
    # A Postgres 17 says it, an older one does not know it.
    yield from (line for line in body if line != "SET transaction_timeout = 0;\n")
    yield _script("after")
    yield "commit;\n"


def _script(name: str) -> str:
    return files("sharedstate_ops.backup").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def _error(problem: str, path: Path) -> StackError:
    if _NOT_EMPTY in problem:
        return StackError(
            "this database holds data, which the backup would replace.",
            hint="Save it first (sharedstate backup), then restore with --force.",
        )
    return StackError(
        f"{path} could not be restored; the database is as it was.\n{problem.strip()}",
    )
