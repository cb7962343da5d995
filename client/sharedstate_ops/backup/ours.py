"""What in a database is ours: the schema core, and what our migrations made in public."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

from sharedstate_ops.stack import migrations

_CREATED = re.compile(
    r"""\bcreate\s+(?:or\s+replace\s+)?
    (table|view|materialized\s+view|function|procedure|type|domain)\s+
    (?:if\s+not\s+exists\s+)?public\.(\w+)""",
    re.IGNORECASE | re.VERBOSE,
)
_WORD = re.compile(r"\w+")
_DEFAULT_PRIVILEGES = re.compile(r"^alter default privileges[^;]*;", re.IGNORECASE | re.MULTILINE)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}
Ledger = dict[str, str]


@dataclass(frozen=True)
class Ours:
    """Names in the schema public. A database may hold tables and functions of others beside."""

    relations: frozenset[str]
    routines: frozenset[str]
    types: frozenset[str]
    # Every word of our migrations: an index or a trigger that they do not name is not theirs.
    words: frozenset[str]


def made_by(ledger: Ledger) -> Ours:
    """What those of the applied migrations made that are ours; by version, their texts."""
    found: dict[str, set[str]] = {"relation": set(), "routine": set(), "type": set()}
    words: set[str] = set()
    for text in _our_texts(ledger):
        words |= set(_WORD.findall(text))
        for kind, name in _CREATED.findall(text):
            word = kind.lower()
            if word in ("function", "procedure"):
                found["routine"].add(name)
            elif word in ("type", "domain"):
                found["type"].add(name)
            else:
                found["relation"].add(name)
    return Ours(*(frozenset(names) for names in (*found.values(), words)))


def same_schema(one: Ledger, other: Ledger) -> bool:
    """Whether our migrations are the same in both, whoever applied them."""
    texts = [migrations.bare("".join(_our_texts(ledger))) for ledger in (one, other)]
    return texts[0] == texts[1]


def of_others(ledger: Ledger) -> list[str]:
    """Versions of applied migrations that are not ours: neither a file of ours nor marked as one.

    That a text mentions `core` says nothing: a policy of others may ask for the workspace.
    """
    known = {migration.version for migration in migrations.available()}
    return [
        version
        for version, text in ledger.items()
        if version not in known and not text.lstrip().startswith(migrations.MARKER)
    ]


def default_privileges(ledger: Ledger) -> list[str]:
    """What our migrations said about objects that are made later: no dump carries all of it."""
    return [
        statement for text in _our_texts(ledger) for statement in _DEFAULT_PRIVILEGES.findall(text)
    ]


def read_ledger(connection: psycopg.Connection[tuple[object, ...]]) -> Ledger:
    """The applied migrations; {} where there are none."""
    if not migrations.applied_versions(connection):
        return {}
    rows = connection.execute(
        """select version, coalesce(array_to_string(statements, E';\\n') || ';', '')
           from supabase_migrations.schema_migrations order by version"""
    )
    return {str(version): str(text) for version, text in rows}


def ledger_of_copy(lines: Iterable[str]) -> Ledger:
    """The same from the text of a COPY, as pg_restore writes it."""
    ledger: Ledger = {}
    columns: list[str] = []
    for line in lines:
        header = re.match(r"COPY \S*schema_migrations \(([^)]*)\) FROM stdin;", line)
        if header:
            columns = [name.strip() for name in header[1].split(",")]
        elif line.startswith("\\."):
            columns = []
        elif columns:
            row = dict(zip(columns, line.rstrip("\n").split("\t"), strict=True))
            ledger[row["version"]] = _script(row.get("statements", "\\N"))
    return ledger


def _script(copied: str) -> str:
    """An array of statements, as COPY writes it, as one text."""
    if copied == "\\N":
        return ""
    array = re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), copied)
    elements = re.findall(r'"((?:[^"\\]|\\.)*)"|([^",{}]+)', array, re.DOTALL)
    texts = [re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL) or bare for quoted, bare in elements]
    return "".join(f"{text};\n" for text in texts)


def _our_texts(ledger: Ledger) -> list[str]:
    foreign = set(of_others(ledger))
    known = {migration.version: migration.text for migration in migrations.available()}
    # Recorded without its text (by `migration repair`), a file of the same version has it.
    return [
        text or known.get(version, "") for version, text in ledger.items() if version not in foreign
    ]
