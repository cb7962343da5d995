"""The files of pg_dump's custom format, through the programs of Postgres."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

from sharedstate_ops.stack.binaries import postgres_program
from sharedstate_ops.stack.errors import StackError

_SCHEMAS = ("public", "core", "supabase_migrations")
# One of `pg_restore --list`: number; oids, kind, schema, name, owner.
_ENTRY = re.compile(r"^\d+; \d+ \d+ ([A-Z][A-Z ]*[A-Z]) (\S+) (.+) \S+$", re.MULTILINE)


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksum_file(path: Path) -> Path:
    """Where the checksum of a backup stands, in the format of `sha256sum --check`."""
    return path.with_name(path.name + ".sha256")


def dump(path: Path, environment: dict[str, str]) -> None:
    """Write an archive of the database that pg_dump finds in `environment`."""
    schemas = [f"--schema={schema}" for schema in _SCHEMAS]
    _run("pg_dump", "--format=custom", f"--file={path}", *schemas, environment=environment)


def read_through(path: Path) -> None:
    """Read every block of it; StackError when one is missing or broken."""
    _run("pg_restore", "--file=/dev/null", str(path))


class Entry(NamedTuple):
    """One line of an archive's table of contents."""

    line: str
    kind: str
    schema: str
    name: str

    @property
    def is_wanted(self) -> bool:
        """Whether a restore creates it: other schemas are there, default rights are made by us."""
        if self.schema == "-":
            return self.name in ("core", "SCHEMA core")
        if self.schema == "supabase_migrations":
            return (self.kind, self.name) == ("TABLE DATA", "schema_migrations")
        return self.kind not in ("DEFAULT ACL", "PUBLICATION TABLE")


def entries(path: Path) -> list[Entry]:
    """The table of contents; StackError when the file is no archive."""
    listed = _run("pg_restore", "--list", str(path))
    return [Entry(found[0], *found.groups()) for found in _ENTRY.finditer(listed)]


def tables_in(contents: list[Entry]) -> list[str]:
    """The tables whose rows are in an archive, with their schemas."""
    return [f"{entry.schema}.{entry.name}" for entry in contents if entry.kind == "TABLE DATA"]


def as_sql(path: Path, list_file: Path) -> Generator[str, None, None]:
    """The chosen entries of an archive as the lines of a script.

    StackError after the last line when it broke off: the script must not be committed then.
    """
    command = [str(postgres_program("pg_restore")), "--no-owner", f"--use-list={list_file}"]
    with subprocess.Popen(
        [*command, "--file=-", str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        # What is not UTF-8 passes through as it is.
        encoding="utf-8",
        errors="surrogateescape",
    ) as process:
        assert process.stdout is not None
        # Python must not take a carriage return inside of a value for the end of a line.
        process.stdout.reconfigure(newline="\n")  # type: ignore[attr-defined]
        yield from process.stdout
    if process.returncode != 0:
        raise StackError(f"{path} cannot be read to its end.", hint="Take another backup.")


def _run(program: str, *arguments: str, environment: dict[str, str] | None = None) -> str:
    answer = subprocess.run(
        [str(postgres_program(program)), *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
    )
    if answer.returncode == 0:
        return answer.stdout
    hint = ""
    if "server version mismatch" in answer.stderr:
        hint = (
            "Name the folder of a Postgres that is as new as the server, for instance "
            "SHAREDSTATE_POSTGRES_BIN=/usr/lib/postgresql/18/bin."
        )
    raise StackError(f"{program} failed: {answer.stderr.strip()}", hint=hint)
