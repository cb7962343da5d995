"""The files of pg_dump's custom format, through the programs of Postgres."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Generator
from pathlib import Path

from sharedstate_ops.stack.binaries import postgres_program
from sharedstate_ops.stack.errors import StackError

_SCHEMAS = ("public", "core", "supabase_migrations")
# One of `pg_restore --list`: number; oids, kind, schema, name, owner.
_ENTRY = re.compile(r"\d+; \d+ \d+ ([A-Z][A-Z ]*[A-Z]) (\S+) (.+) \S+")


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


def entries(path: Path) -> list[str]:
    """The table of contents; StackError when the file is no archive."""
    return [
        line for line in _run("pg_restore", "--list", str(path)).splitlines() if line[:1] != ";"
    ]


def wanted(contents: list[str]) -> list[str]:
    """Those entries that a restore creates; schemas and default rights are there or made by us."""
    return [line for line in contents if _is_wanted(*_parsed(line))]


def tables_in(contents: list[str]) -> list[str]:
    """The tables whose rows are in an archive, with their schemas."""
    found = map(_parsed, contents)
    return [f"{schema}.{name}" for kind, schema, name in found if kind == "TABLE DATA"]


def _parsed(line: str) -> tuple[str, str, str]:
    """Kind, schema and name of an entry."""
    match = _ENTRY.fullmatch(line.strip())
    return (match[1], match[2], match[3]) if match else ("", "", "")


def _is_wanted(kind: str, schema: str, name: str) -> bool:
    if schema == "-":
        return name in ("core", "SCHEMA core")
    if schema == "supabase_migrations":
        return kind == "TABLE DATA" and name == "schema_migrations"
    return kind not in ("", "DEFAULT ACL", "PUBLICATION TABLE")


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
