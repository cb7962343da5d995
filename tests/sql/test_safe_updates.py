"""Supabase loads the extension safeupdate for API requests: UPDATE and DELETE need a WHERE there.

It looks into functions as well. No package has it, so we read the functions as they are in the
catalog.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.sql.support import Api

_NO_CODE = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_STRING = re.compile(r"'(?:[^']|'')*'")
# Not: for update, for no key update, on conflict do update, before update.
_BEGINNING = re.compile(r"(?<!for )(?<!key )(?<!do )(?<!on )(?<!before )\b(update|delete from)\b")


def statements(body: str) -> Iterator[str]:
    """The UPDATE and DELETE statements of a function, without what stands in brackets."""
    code = re.sub(r"\s+", " ", _STRING.sub("''", _NO_CODE.sub(" ", body.lower())))
    for beginning in _BEGINNING.finditer(code):
        depth = 0
        outside = ""
        for character in code[beginning.start() :]:
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth < 0 or (depth == 0 and character == ";"):
                break
            outside += character if depth == 0 else " "
        yield outside


def unsafe(body: str) -> list[str]:
    return [statement for statement in statements(body) if " where " not in statement]


def test_no_function_updates_or_deletes_every_row(api: Api) -> None:
    found = api.sql(
        "select p.oid::regproc::text, p.prosrc from pg_proc as p "
        "where p.pronamespace in ('core'::regnamespace, 'public'::regnamespace) "
        "and p.prosrc ~* '\\m(update|delete)\\M'"
    )
    assert sum(len(list(statements(body))) for _, body in found) > 20
    assert {name: unsafe(body) for name, body in found if unsafe(body)} == {}


def test_no_update_or_delete_is_put_together_from_text(api: Api) -> None:
    found = api.sql(
        "select p.oid::regproc::text from pg_proc as p "
        "where p.pronamespace in ('core'::regnamespace, 'public'::regnamespace) "
        "and p.prosrc ~* '\\mexecute\\M[^;]*\\m(update|delete)\\M'"
    )
    assert found == []


@pytest.mark.parametrize(
    "body",
    [
        "begin update t set a = 1; end;",
        "with gone as (delete from t returning *) select * from gone where a = 1;",
        "update t set a = (select 1 where true);",
        "delete from t using u;",
        "delete from t; -- where it is",
    ],
)
def test_a_missing_condition_is_noticed(body: str) -> None:
    assert len(unsafe(body)) == 1


@pytest.mark.parametrize(
    "body",
    [
        "update t set a = 1 where b;",
        "with gone as (delete from t where a) select * from gone;",
        "select * from t for update; select * from t for no key update;",
        "insert into t values ('update') on conflict do update set a = 1;",
    ],
)
def test_a_safe_statement_is_not_reported(body: str) -> None:
    assert unsafe(body) == []
