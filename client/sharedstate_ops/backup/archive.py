"""The files of pg_dump's custom format, through the programs of Postgres."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Generator, Iterable
from pathlib import Path

from sharedstate_ops.backup.ours import Ledger, Ours, ledger_of_copy
from sharedstate_ops.stack.binaries import postgres_program
from sharedstate_ops.stack.errors import StackError

# One of `pg_restore --list`: number; oids, kind, schema, name, owner.
_ENTRY = re.compile(r"\d+; \d+ \d+ ([A-Z][A-Z ]*[A-Z]) (\S+) (.+) \S+")
_ROUTINES = ("FUNCTION", "PROCEDURE", "AGGREGATE")
_TYPES = ("TYPE", "DOMAIN")
# Others may put one on a table of ours, made with functions or for roles that a database lacks.
_OTHERS_MAY_ADD = ("TRIGGER", "POLICY", "INDEX", "RULE", "STATISTICS")
_RIGHT = re.compile(r"(?:GRANT|REVOKE) .+ (?:TO|FROM) (.+?)(?: WITH GRANT OPTION)?;")
# These hang on a table or view; those of others are not in the archive.
_OF_RELATIONS = (
    "TABLE",
    "TABLE DATA",
    "VIEW",
    "MATERIALIZED VIEW",
    "SEQUENCE",
    "SEQUENCE SET",
    "SEQUENCE OWNED BY",
    "DEFAULT",
    "CONSTRAINT",
    "FK CONSTRAINT",
    "CHECK CONSTRAINT",
    "INDEX",
    "POLICY",
    "ROW SECURITY",
    "TRIGGER",
    "RULE",
    "STATISTICS",
)


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksum_file(path: Path) -> Path:
    """Where the checksum of a backup stands, in the format of `sha256sum --check`."""
    return path.with_name(path.name + ".sha256")


def entries(path: Path) -> list[str]:
    """The table of contents; StackError when the file is no archive."""
    return [
        line for line in _run("pg_restore", "--list", str(path)).splitlines() if line[:1] != ";"
    ]


def read_through(path: Path) -> None:
    """Read every block of it; StackError when one is missing or broken."""
    _run("pg_restore", "--file=/dev/null", str(path))


def ledger(path: Path) -> Ledger:
    """The migrations that had been applied where the backup was made."""
    arguments = ("--data-only", "--schema=supabase_migrations", "--table=schema_migrations")
    return ledger_of_copy(_run("pg_restore", *arguments, "--file=-", str(path)).split("\n"))


def wanted(contents: list[str], ours: Ours) -> list[str]:
    """Those entries that a restore creates: the rest is others', or is made another way."""
    return [line for line in contents if _is_wanted(line, ours)]


def added_by_others(contents: list[str], ours: Ours) -> list[str]:
    """What others had put on our tables, as a restore leaves it out: `trigger x of conflicts`."""
    found = []
    for match in filter(None, (_ENTRY.fullmatch(line.strip()) for line in contents)):
        kind, schema, name = match.groups()
        table, own = _table_and_own(kind, name)
        if schema in ("core", "public") and _is_added(kind, own, ours):
            found.append(f"{kind.lower()} {own}" + (f" of {table}" if table else ""))
    return found


def _table_and_own(kind: str, name: str) -> tuple[str, str]:
    """A trigger is listed with its table before its name, an index without."""
    if kind not in ("TRIGGER", "POLICY", "RULE"):
        return "", name
    table, _, own = name.partition(" ")
    return table, own


def _is_added(kind: str, own_name: str, ours: Ours) -> bool:
    return kind in _OTHERS_MAY_ADD and own_name not in ours.words


def _is_wanted(line: str, ours: Ours) -> bool:
    match = _ENTRY.fullmatch(line.strip())
    if match is None:
        return False
    kind, schema, name = match.groups()
    if kind == "COMMENT":
        on_kind, _, on_name = name.partition(" ")
        if _is_added(on_kind, on_name.partition(" ON ")[0], ours):
            return False
    if _is_added(kind, _table_and_own(kind, name)[1], ours):
        return False
    if schema == "-":
        return name in ("core", "SCHEMA core")
    if schema == "supabase_migrations":
        return kind == "TABLE DATA" and name == "schema_migrations"
    if kind == "DEFAULT ACL":
        return False
    if schema == "core":
        return True
    if kind in ("ACL", "COMMENT"):
        kind, _, name = name.partition(" ")
        if kind not in (*_ROUTINES, *_TYPES):
            return True
    if kind in _ROUTINES:
        return name.partition("(")[0] in ours.routines
    if kind in _TYPES:
        return name in ours.types
    return kind in _OF_RELATIONS


def tables_in(contents: list[str]) -> list[str]:
    """The tables whose rows are in an archive, with their schemas."""
    found = (_ENTRY.fullmatch(line.strip()) for line in contents)
    return [f"{match[2]}.{match[3]}" for match in found if match and match[1] == "TABLE DATA"]


def rights_apart(contents: list[str]) -> tuple[list[str], list[str]]:
    """The entries but for those that grant rights, and those."""
    matches = ((line, _ENTRY.fullmatch(line.strip())) for line in contents)
    rights = [line for line, match in matches if match and match[1] == "ACL"]
    return [line for line in contents if line not in rights], rights


def known_rights(lines: Iterable[str], roles: set[str]) -> tuple[list[str], set[str]]:
    """Of a script that grants rights, what concerns these roles; and the names of the others.

    All of it is granted by the owner, whoever had passed a right on.
    """
    kept, missing = [], set()
    for line in lines:
        match = _RIGHT.fullmatch(line.strip())
        role = match[1].strip('"').replace('""', '"') if match else "PUBLIC"
        if role != "PUBLIC" and role not in roles:
            missing.add(role)
        elif "SESSION AUTHORIZATION" not in line or match:
            kept.append(line)
    return kept, missing


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
        # Python must not take a carriage return inside of a value for the end of a line.
    ) as process:
        assert process.stdout is not None
        process.stdout.reconfigure(newline="\n")  # type: ignore[attr-defined]
        yield from process.stdout
    if process.returncode != 0:
        raise StackError(f"{path} cannot be read to its end.", hint="Take another backup.")


def dump(path: Path, environment: dict[str, str], *arguments: str) -> None:
    """Write an archive of the database that pg_dump finds in `environment`."""
    _run("pg_dump", "--format=custom", f"--file={path}", *arguments, environment=environment)


def _run(program: str, *arguments: str, environment: dict[str, str] | None = None) -> str:
    answer = subprocess.run(
        [str(postgres_program(program)), *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
    )
    if answer.returncode != 0:
        raise StackError(f"{program} failed: {answer.stderr.strip()}", hint=_hint(answer.stderr))
    return answer.stdout


def _hint(problem: str) -> str:
    if "server version mismatch" in problem:
        return (
            "Name the folder of a Postgres that is as new as the server, for instance "
            "SHAREDSTATE_POSTGRES_BIN=/usr/lib/postgresql/18/bin."
        )
    return ""
