"""Concatenate `sql/` into the baseline migration, in the order in which it has to run.

Folders and files go by name, except that a folder's `tables.sql` comes first, since functions and
views mention its tables, and `get_...` last, since these reads may mention views. `--check`
compares instead of writing and fails when they differ.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "sql"
MIGRATION = ROOT / "supabase" / "migrations" / "20261122000000_create_baseline.sql"
# The first words tell ours from the migrations of others: sharedstate_ops.stack.migrations.MARKER.
HEADER = (
    "-- A migration of sharedstate. "
    "Made from sql/ by scripts/build_migration.py: edit sql/ and run it again.\n"
)


def source_files(source: Path = SOURCE) -> list[Path]:
    """The files of `sql/` in the order in which they have to run."""

    def order(path: Path) -> tuple[str, bool, bool, str]:
        parts = path.relative_to(source).parts
        return parts[0], path.name != "tables.sql", path.name.startswith("get_"), path.name

    return sorted(source.rglob("*.sql"), key=order)


def build(source: Path = SOURCE) -> str:
    """The text of the migration."""
    sections = [
        f"-- {'/'.join(path.relative_to(source.parent).parts)}\n{path.read_text(encoding='utf-8')}"
        for path in source_files(source)
    ]
    return "\n".join([HEADER, *sections])


def main(arguments: list[str]) -> int:
    """Write the migration, or with `--check` only compare it; 1 when it is out of date."""
    text = build()
    if arguments == ["--check"]:
        if MIGRATION.exists() and MIGRATION.read_text(encoding="utf-8") == text:
            return 0
        print(f"{MIGRATION.relative_to(ROOT)} is out of date: run scripts/build_migration.py")
        return 1
    MIGRATION.parent.mkdir(parents=True, exist_ok=True)
    MIGRATION.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
