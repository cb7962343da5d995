"""`sharedstate backup`: one consistent archive of our schemas, whole or not there at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psycopg

from sharedstate_ops.backup import archive
from sharedstate_ops.stack.errors import StackError
from sharedstate_ops.stack.files import write_private

_SCRATCH = ".sharedstate-part"


@dataclass(frozen=True)
class Backup:
    """A file that was written, and what is in it."""

    path: Path
    size_bytes: int
    tables: int
    checksum: str


def back_up(
    connection: psycopg.Connection[tuple[object, ...]],
    environment: dict[str, str],
    path: Path,
) -> Backup:
    """Write the archive beside its place, read it through, and only then give it its name.

    In `environment`, a whole one, pg_dump finds the same database. The file holds every design in
    clear text: only its owner may read it. Nothing is overwritten.
    """
    for taken in (path, archive.checksum_file(path)):
        if taken.exists():
            raise _exists(taken)
    expected = _tables(connection)
    if "core.workspaces" not in expected:
        raise StackError(
            "there is nothing of sharedstate in this database.",
            hint="Apply the migrations: sharedstate init",
        )
    try:
        scratch, lock = _scratch(path)
        try:
            archive.dump(scratch, environment)
            found = _verify(scratch, expected)
            digest = archive.checksum(scratch)
            _to_disk(scratch)
            _publish(scratch, path, digest)
        finally:
            scratch.unlink(missing_ok=True)
            os.close(lock)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise StackError(f"{path} cannot be written: {error.strerror or error}") from error
    return Backup(path, path.stat().st_size, len(found), digest)


def _exists(path: Path) -> StackError:
    return StackError(f"{path} exists already.", hint="Choose another name.")


def _publish(scratch: Path, path: Path, digest: str) -> None:
    """Give the archive its name, then its checksum; FileExistsError when another backup has it.

    In this order, because only the archive's name decides between two backups at once: an empty
    file keeps it for us, also where a file system has no hard links.
    """
    path.touch(mode=0o600, exist_ok=False)
    try:
        scratch.replace(path)
        write_private(archive.checksum_file(path), f"{digest}  {path.name}\n")
        _to_disk(path.parent)
    except BaseException:
        path.unlink()
        archive.checksum_file(path).unlink(missing_ok=True)
        raise


def _scratch(path: Path) -> tuple[Path, int]:
    """A file beside it to write to, and the lock that shows that we live.

    What backups left that were killed is removed: each as large as the database.
    """
    for left in path.parent.glob(f".*{_SCRATCH}"):
        with contextlib.suppress(OSError):
            descriptor = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
            finally:
                os.close(descriptor)
    # Made by us, because pg_dump would let everybody read it.
    while True:
        lock, name = tempfile.mkstemp(_SCRATCH, f".{path.name}.", path.parent)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Another backup may have come in between and taken it for one that was left.
        if os.fstat(lock).st_nlink:
            return Path(name), lock
        os.close(lock)


def _tables(connection: psycopg.Connection[tuple[object, ...]]) -> set[str]:
    """What has to be in the archive."""
    rows = connection.execute(
        """select schemaname || '.' || tablename from pg_tables
           where schemaname in ('core', 'public')"""
    )
    return {"supabase_migrations.schema_migrations", *(str(name) for (name,) in rows)}


def _verify(path: Path, expected: set[str]) -> list[str]:
    archive.read_through(path)
    found = archive.tables_in(archive.entries(path))
    missing = expected - set(found)
    if missing:
        raise StackError(f"the backup lacks {', '.join(sorted(missing))}.")
    return found


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
