"""Rules that hold for every function, table and slug, read from the catalog and the sources."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.sql.support import STATUS_OF, TABLES, Api

from sharedstate import errors

ROOT = Path(__file__).resolve().parents[2]
API_ROLES = ("anon", "authenticated", "service_role")
OURS = "('core'::regnamespace, 'public'::regnamespace)"

FOR_ANON = {"public.health"}
# What row level security and the views evaluate with the caller's rights.
HELPERS_OF_CALLERS = {
    "core.visible_workspace",
    "core.current_workspace",
}
# Reads with the caller's own rights: they have no private half.
WITHOUT_TWIN = {"get_lock_status", "health", "is_blocked", "schema_version"}


def column(api: Api, query: str, *parameters: Any) -> list[Any]:
    return [value for (value,) in api.sql(query, *parameters)]


def functions(api: Api, where: str) -> list[str]:
    return column(
        api,
        "select p.pronamespace::regnamespace || '.' || p.proname from pg_proc as p "
        f"where p.pronamespace in {OURS} and {where} order by 1",
    )


def test_every_function_has_an_empty_search_path(api: Api) -> None:
    assert len(functions(api, "true")) > 60
    assert functions(api, "not coalesce('search_path=\"\"' = any(p.proconfig), false)") == []


def test_no_function_is_executable_by_public(api: Api) -> None:
    everybody = "aclexplode(coalesce(p.proacl, acldefault('f', p.proowner)))"
    assert functions(api, f"exists (select from {everybody} as a where a.grantee = 0)") == []


def test_anon_may_call_health_and_nothing_else(api: Api) -> None:
    assert set(functions(api, "has_function_privilege('anon', p.oid, 'execute')")) == FOR_ANON


@pytest.mark.parametrize("role", ["authenticated", "service_role"])
def test_callers_may_call_only_core_halves_and_listed_helpers_in_core(api: Api, role: str) -> None:
    allowed = functions(
        api,
        f"has_function_privilege('{role}', p.oid, 'execute') "
        "and p.pronamespace = 'core'::regnamespace",
    )
    public = functions(api, "p.pronamespace = 'public'::regnamespace")
    twins = {f"core.{name.removeprefix('public.')}" for name in public}
    assert set(allowed) - twins == HELPERS_OF_CALLERS


def test_a_public_function_and_its_core_half_are_granted_to_the_same_roles(api: Api) -> None:
    """A public function and its private half are granted to the same roles."""
    for role in API_ROLES:
        allowed = set(functions(api, f"has_function_privilege('{role}', p.oid, 'execute')"))
        for name in {one.removeprefix("public.") for one in allowed if one.startswith("public.")}:
            if name not in WITHOUT_TWIN:
                assert f"core.{name}" in allowed, (role, name)


def test_no_function_is_overloaded(api: Api) -> None:
    names = functions(api, "true")
    assert sorted(set(names)) == names


def test_public_functions_are_sql_and_run_with_the_callers_rights(api: Api) -> None:
    public = "p.pronamespace = 'public'::regnamespace"
    assert functions(api, f"{public} and p.prosecdef") == []
    language = "(select l.lanname from pg_language as l where l.oid = p.prolang)"
    assert functions(api, f"{public} and {language} <> 'sql'") == []


def test_only_core_halves_and_listed_helpers_run_with_the_owners_rights(api: Api) -> None:
    public = {
        name.removeprefix("public.")
        for name in functions(api, "p.pronamespace = 'public'::regnamespace")
    }
    twins = {f"core.{name}" for name in public - WITHOUT_TWIN}
    definers = functions(api, "p.prosecdef and p.pronamespace = 'core'::regnamespace")
    # The trigger runs also for an operator who types DELETE.
    assert set(definers) == twins | {
        "core.visible_workspace",
        "core.current_workspace",
        "core.hand_over",
    }


def test_everything_belongs_to_the_owner_of_the_database(api: Api) -> None:
    owner = "(select d.datdba from pg_database as d where d.datname = current_database())"
    assert functions(api, f"p.proowner <> {owner}") == []
    assert (
        column(
            api,
            f"select relname from pg_class where relnamespace in {OURS} and relowner <> {owner}",
        )
        == []
    )
    # Security definer must not mean superuser.
    assert column(api, f"select rolsuper from pg_roles where oid = {owner}") == [False]


def test_row_level_security_is_on_for_every_table(api: Api) -> None:
    tables = f"from pg_class where relnamespace in {OURS} and relkind in ('r', 'p')"
    assert len(column(api, f"select relname {tables}")) > len(TABLES)
    assert column(api, f"select relname {tables} and not relrowsecurity") == []


def test_every_public_table_has_one_policy_which_is_for_reading(api: Api) -> None:
    found = api.sql(
        "select c.relname, array_agg(p.polcmd::text), "
        "array_agg(pg_get_expr(p.polqual, p.polrelid)), count(p.polwithcheck) "
        "from pg_class as c left join pg_policy as p on p.polrelid = c.oid "
        "where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') "
        "group by c.relname"
    )
    assert len(found) == len(TABLES)
    for table, commands, conditions, checks in found:
        assert (commands, checks) == (["r"], 0), table
        condition = re.sub(r"\s+", " ", conditions[0])
        assert condition.startswith("(workspace = ( SELECT core.visible_workspace()"), table


QUEUE_TABLES = ("lock_ticket_resources", "lock_tickets")


def test_of_the_private_tables_only_the_queue_can_be_read_and_in_the_own_workspace(
    api: Api,
) -> None:
    """The view lock_queue reads it with the caller's rights."""
    found = api.sql(
        "select c.relname, p.polcmd::text, pg_get_expr(p.polqual, p.polrelid) "
        "from pg_policy as p join pg_class as c on c.oid = p.polrelid "
        "where c.relnamespace = 'core'::regnamespace order by 1"
    )
    assert tuple(name for name, _, _ in found) == QUEUE_TABLES
    for _, command, condition in found:
        assert command == "r"
        assert condition.startswith("(workspace = ( SELECT core.visible_workspace()")


def test_views_are_read_with_the_callers_rights(api: Api) -> None:
    views = f"from pg_class where relnamespace in {OURS} and relkind in ('v', 'm')"
    assert column(api, f"select relname {views} order by 1") == [
        "budget_usage",
        "documents",
        "live_lock_tickets",
        "live_reservations",
        "lock_queue",
        "stale_inputs",
        "system_status",
    ]
    invoker = "coalesce('security_invoker=true' = any(reloptions), false)"
    assert column(api, f"select relname {views} and not {invoker}") == []


def test_nobody_has_more_than_select_on_a_table_and_anon_nothing(api: Api) -> None:
    found = api.sql(
        "select distinct a.grantee::regrole::text, c.relnamespace::regnamespace::text, "
        "a.privilege_type from pg_class as c, aclexplode(c.relacl) as a "
        f"where c.relnamespace in {OURS} and a.grantee <> c.relowner"
    )
    assert set(found) == {
        ("authenticated", "public", "SELECT"),
        ("service_role", "public", "SELECT"),
        ("authenticated", "core", "SELECT"),
        ("service_role", "core", "SELECT"),
    }
    private = column(
        api,
        "select distinct c.relname from pg_class as c, aclexplode(c.relacl) as a "
        "where c.relnamespace = 'core'::regnamespace and c.relkind = 'r' "
        "and a.grantee <> c.relowner order by 1",
    )
    assert tuple(private) == QUEUE_TABLES
    columns = column(
        api,
        "select attname from pg_attribute as a join pg_class as c on c.oid = a.attrelid "
        f"where c.relnamespace in {OURS} and a.attacl is not null",
    )
    assert columns == []


def test_nobody_may_create_anything_in_our_schemas(api: Api) -> None:
    for role in API_ROLES:
        for schema in ("public", "core"):
            assert column(api, "select has_schema_privilege(%s, %s, 'create')", role, schema) == [
                False
            ]


def test_every_public_object_has_a_comment(api: Api) -> None:
    assert (
        functions(
            api,
            "p.pronamespace = 'public'::regnamespace and obj_description(p.oid, 'pg_proc') is null",
        )
        == []
    )
    assert (
        column(
            api,
            "select relname from pg_class where relnamespace = 'public'::regnamespace "
            "and relkind in ('r', 'p', 'v', 'm') and obj_description(oid, 'pg_class') is null",
        )
        == []
    )
    assert (
        column(
            api,
            "select t.typname from pg_type as t join pg_class as c on c.oid = t.typrelid "
            "where t.typnamespace = 'public'::regnamespace and c.relkind = 'c' "
            "and obj_description(t.oid, 'pg_type') is null",
        )
        == []
    )


def test_functions_that_write_are_volatile_and_reads_are_not(api: Api) -> None:
    """PostgREST runs stable functions in read-only transactions, and lets GET call them."""
    reads = functions(api, "p.pronamespace = 'public'::regnamespace and p.provolatile <> 'v'")
    assert reads == [
        "public.blocked_by",
        "public.diff_documents",
        "public.diff_global_constraints",
        "public.export_state",
        "public.get_active_conflicts",
        "public.get_board",
        "public.get_conflict_history",
        "public.get_lock_status",
        "public.get_recent_activity",
        "public.get_situation",
        "public.health",
        "public.is_blocked",
        "public.list_workspaces",
        "public.read_activity",
        "public.schema_version",
        "public.wait_until_unblocked",
    ]


# Sources

SOURCES = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "sql").rglob("*.sql"))}


def test_the_slugs_raised_known_documented_and_in_python_are_the_same() -> None:
    raised = {
        slug for text in SOURCES.values() for slug in re.findall(r"core\.fail\(\s*'([^']*)'", text)
    }
    cases = dict(
        re.findall(r"when '(\w+)' then 'PT(\d{3})'", SOURCES[ROOT / "sql/05_validation/fail.sql"])
    )
    registry = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    section = registry.split("## From the database")[1].split("\n## ")[0]
    documented = {
        slug: (status, name)
        for slug, status, name in re.findall(
            r"^\| `(\w+)` \| (\d{3}) \| `(\w+)` \|", section, flags=re.MULTILINE
        )
    }
    classes = {slug: kind for slug, kind in errors.BY_SLUG.items() if kind.raised_by == "database"}
    assert raised == set(cases) == set(documented) == set(classes) == set(STATUS_OF)
    for slug, kind in classes.items():
        assert documented[slug] == (cases[slug], kind.__name__)
        assert STATUS_OF[slug] == int(cases[slug])


def test_the_registry_documents_every_python_class_and_no_other() -> None:
    registry = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\| `(\w+)` \|", registry, flags=re.MULTILINE)
    assert sorted(rows) == sorted((slug, kind.__name__) for slug, kind in errors.BY_SLUG.items())


def test_errors_are_raised_in_one_place_alone() -> None:
    raising = [path.name for path, text in SOURCES.items() if re.search(r"^\s*raise\b", text, re.M)]
    assert raising == ["fail.sql"]
    assert not any("40001" in text for text in SOURCES.values())


def test_an_unknown_slug_is_itself_an_error_and_no_success(api: Api) -> None:
    """A misspelt slug must not pass as an answer."""
    with pytest.raises(psycopg.errors.NullValueNotAllowed):
        api.sql("select core.fail('no_such_slug', '{}')")


def test_a_function_of_the_api_and_its_private_half_are_in_the_file_of_their_name() -> None:
    files: dict[str, set[str]] = {}
    for path, text in SOURCES.items():
        made = re.findall(r"^create (?:or replace )?(?:function|view) (\w+\.\w+)", text, re.M)
        for name in made:
            files.setdefault(name, set()).add(path.stem)
        assert len(made) == len(set(made)), path
    for name, places in files.items():
        schema, _, bare = name.partition(".")
        if schema == "public" or f"public.{bare}" in files:
            assert places == {bare}, name
        assert len(places) == 1, name


def test_a_file_of_shared_helpers_begins_with_what_they_are_about() -> None:
    for path, text in SOURCES.items():
        if path.parent.name == "sql" or path.name == "tables.sql":
            continue
        made = re.findall(r"^create (?:or replace )?(?:function|view) (\w+)\.(\w+)", text, re.M)
        if path.stem not in {name for _, name in made}:
            prologue = re.match(r"(?:--.*\n)+", text)
            assert prologue, path
            assert 5 <= prologue.group().count("\n") <= 25, path


def test_the_schema_version_is_that_of_the_newest_migration(api: Api) -> None:
    newest = max((ROOT / "supabase" / "migrations").glob("*.sql")).name.split("_")[0]
    assert re.fullmatch(r"\d{14}", newest)
    assert api.do("schema_version") == newest
    assert api.do("health", key=api.stack.anon_key)["schema_version"] == newest
