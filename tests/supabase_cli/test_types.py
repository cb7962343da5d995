"""The package's row types say what the Supabase CLI generates from the database."""

from __future__ import annotations

import ast
import inspect
import re
import types as builtin_types
import typing
from collections.abc import Iterator
from typing import Any, TypedDict

import psycopg
import pytest
from tests.supabase_cli.conftest import Project
from tests.tools import ROOT

import sharedstate.types
from sharedstate_ops.stack import StackInfo, migrations
from sharedstate_ops.stack.connections import connect

# The generated annotation, and what JSON carries to our callers.
_JSON = {
    "str": str,
    "uuid.UUID": str,
    "datetime.datetime": str,
    "PgCatalogXid8": str,
    "int": int,
    "float": float,
    "bool": bool,
    "JsonValue": dict,
}


class Column(TypedDict):
    """One column: its type in JSON, and whether it may be null."""

    type: type
    nullable: bool


Row = dict[str, Column]


def generated_column(annotation: str) -> Column:
    optional = re.fullmatch(r"Optional\[(.*)\]", annotation)
    bare = optional.group(1) if optional else annotation
    # What is left are composites: rows of their own.
    kind = list if bare.startswith("List[") else _JSON.get(bare, object)
    return Column(type=kind, nullable=optional is not None)


def our_column(hint: Any) -> Column:
    parts = typing.get_args(hint) if isinstance(hint, builtin_types.UnionType) else (hint,)
    (bare,) = (part for part in parts if part is not type(None))
    kind = typing.get_origin(bare) or bare
    if kind is typing.Literal:
        kind = type(typing.get_args(bare)[0])
    elif bare is Any:
        # How a row type says: whatever JSON has.
        kind = dict
    known = kind if kind in {list, *_JSON.values()} else object
    return Column(type=known, nullable=type(None) in parts)


def generated_rows(text: str) -> Iterator[tuple[str, Row]]:
    """The generated classes of rows by name: PublicAgentLocks."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and ast.unparse(node.bases[0]) == "BaseModel":
            columns = {
                ast.unparse(line.target): generated_column(ast.unparse(line.annotation))
                for line in node.body
                if isinstance(line, ast.AnnAssign)
            }
            yield node.name, columns


def our_rows() -> Iterator[tuple[str, type]]:
    """Each TypedDict of `sharedstate.types` by what its docstring says it is a row of."""
    for _, found in inspect.getmembers(sharedstate.types, typing.is_typeddict):
        match = re.match(r"Row of (?:the view )?`(\w+)`", inspect.getdoc(found) or "")
        if match:
            yield match.group(1), found


def class_name(relation: str) -> str:
    return "Public" + "".join(word.capitalize() for word in relation.split("_"))


def generate(project: Project, database: str) -> dict[str, Row]:
    """What `supabase gen types --lang python` says of a database."""
    command = ("gen", "types", "--lang", "python", "--schema", "public")
    text = project.succeed(*command, database=database)
    return dict(generated_rows(text[text.index("from __future__") :]))


def relations(database: str) -> dict[str, str]:
    """Tables and views of `public`, with their kind: r or v."""
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            """select relname, relkind::text from pg_class
               where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')"""
        ).fetchall()
    return {str(name): str(kind) for name, kind in rows}


def differences(generated: dict[str, Row], kinds: dict[str, str]) -> list[str]:
    """Columns in which our row types and the database differ."""
    found = []
    for relation, typed in our_rows():
        theirs = generated[class_name(relation)]
        ours = {name: our_column(hint) for name, hint in typing.get_type_hints(typed).items()}
        for name in sorted(set(ours) | set(theirs)):
            pair = [dict(columns[name]) if name in columns else {} for columns in (ours, theirs)]
            if pair[1].get("type") is dict and pair[0].get("type") is list:
                # Of jsonb the database does not say that it is always an array.
                pair[0]["type"] = dict
            if kinds[relation] == "v":
                # Postgres knows of no column of a view that it is never null.
                for column in pair:
                    column.pop("nullable", None)
            if pair[0] != pair[1]:
                found.append(f"{typed.__name__}.{name}")
    return found


@pytest.fixture(scope="module")
def generated(stack: StackInfo, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """The types of the running database."""
    folder = tmp_path_factory.mktemp("types")
    (folder / "supabase").symlink_to(ROOT / "supabase")
    return generate(Project(folder), stack.database_url)


def test_each_table_and_view_has_a_row_type(stack: StackInfo) -> None:
    kinds = relations(stack.database_url)
    assert set(dict(our_rows())) == set(kinds)
    assert len(kinds) >= 10


def test_row_types_have_the_columns_types_and_nulls_of_the_database(
    generated: dict[str, Row], stack: StackInfo
) -> None:
    assert differences(generated, relations(stack.database_url)) == []


def test_a_schema_that_moves_is_noticed(
    project: Project, database: str, generated: dict[str, Row], stack: StackInfo
) -> None:
    before = differences(generated, relations(stack.database_url))
    with connect(database) as connection:
        migrations.apply_pending(connection)
        connection.execute(
            """alter table public.conflicts
                 add column colour text,
                 alter column description drop not null,
                 drop column resolution cascade"""
        )
        connection.execute(
            """alter table public.agent_activity_logs
                 drop column details, add column details text not null"""
        )
    after = differences(generate(project, database), relations(database))
    assert [name for name in after if name not in before] == [
        "ActivityRow.details",
        "ConflictRow.colour",
        "ConflictRow.description",
        "ConflictRow.resolution",
    ]


def test_answers_that_are_named_like_a_type_of_the_database_have_its_fields(
    generated: dict[str, Row],
) -> None:
    """Of composite types the database knows no nulls; fields and their types it knows."""
    rows = {typed.__name__ for _, typed in our_rows()}
    compared = set()
    for name, found in inspect.getmembers(sharedstate.types, typing.is_typeddict):
        theirs = generated.get(f"Public{name.removesuffix('Row')}")
        if theirs is None or name in rows:
            continue
        hints = typing.get_type_hints(found)
        ours = {field: our_column(hint)["type"] for field, hint in hints.items()}
        for field, column in theirs.items():
            # jsonb, which the CLI takes for an object, may hold a list as well.
            known = (dict, list) if column["type"] is dict else (column["type"],)
            assert ours.pop(field) in known, (name, field)
        assert not ours, name
        compared.add(name)
    assert compared >= {"LockStatus", "WorkspaceRow", "WorkspaceSummary"}


def test_the_types_of_the_typescript_example_are_those_of_the_database(
    project: Project, stack: StackInfo
) -> None:
    """Else: `npm run types` in examples/languages/typescript."""
    command = ("gen", "types", "--lang", "typescript", "--schema", "public")
    text = project.succeed(*command, database=stack.database_url)
    example = ROOT / "examples" / "languages" / "typescript" / "database.types.ts"
    written = example.read_text(encoding="utf-8")
    assert text[text.index("export type Json") :].strip() == written.strip()
