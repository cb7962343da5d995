"""`sharedstate backup`: one consistent archive of our schemas, whole or not there at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sharedstate_ops.backup import archive
from sharedstate_ops.stack.connections import Connection
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


def back_up(connection: Connection, environment: dict[str, str], path: Path) -> Backup:
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
        with _scratch(path) as scratch:
            archive.dump(scratch, environment)
            archive.read_through(scratch)
            found = archive.tables_in(archive.entries(scratch))
            if missing := expected - set(found):
                raise StackError(f"the backup lacks {', '.join(sorted(missing))}.")
            digest = archive.checksum(scratch)
            _to_disk(scratch)
            _publish(scratch, path, digest)
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


@contextlib.contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """A file beside it to write to. What killed backups left goes: each as large as the database.

    As long as somebody writes a backup into the folder, its lock keeps the others from tidying up.
    """
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        # There are network file systems that lock no folder: nothing is tidied up there.
        with contextlib.suppress(OSError):
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in path.parent.glob(f".*{_SCRATCH}"):
                left.unlink()
        with contextlib.suppress(OSError):
            fcntl.flock(folder, fcntl.LOCK_SH)
        # Made by us, because pg_dump would let everybody read it.
        handle, name = tempfile.mkstemp(_SCRATCH, f".{path.name}.", path.parent)
        os.close(handle)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)
    finally:
        os.close(folder)


def _tables(connection: Connection) -> set[str]:
    """What has to be in the archive."""
    rows = connection.execute(
        """select n.nspname || '.' || c.relname
           from pg_class as c inner join pg_namespace as n on c.relnamespace = n.oid
           where c.relkind = 'r' and n.nspname in ('core', 'public') and not exists (
             -- Those of extensions come with the extension.
             select from pg_depend as d
             where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
           )"""
    )
    return {"supabase_migrations.schema_migrations", *(str(name) for (name,) in rows)}


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
