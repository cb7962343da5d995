"""Numbers, versions and tokens after a restore: none is given twice, and all of them still fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.operations.backups import GAP, load, save
from tests.operations.databases import Database, MakeDatabase
from tests.stack.installation import Installation


def test_no_token_number_or_version_that_was_handed_out_is_handed_out_again(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    save(used, tmp_path / "saved")
    # After the backup, work went on, and then the database was lost.
    lost = {
        "token": used.token("power"),
        "new resource": used.token("shell"),
        "version": used.write_status("power", "complete"),
        "design": used.design("power"),
        "new subsystem": used.write_status("tail", "designing"),
        "new document": used.design("tail"),
        "conflict": used.conflict(),
        "log": used.one("select max(id) from agent_activity_logs"),
    }
    target = database(empty=True)
    load(target, tmp_path / "saved")
    again = {
        "token": target.token("power"),
        "new resource": target.token("shell"),
        "version": target.write_status("power", "complete"),
        "design": target.design("power"),
        "new subsystem": target.write_status("tail", "designing"),
        "new document": target.design("tail"),
        "conflict": target.conflict(),
        "log": target.one("select max(id) from agent_activity_logs"),
    }
    assert all(again[name] > lost[name] for name in lost), (lost, again)
    assert target.one("select max(version) from subsystem_requirements") is None


def test_a_design_can_be_imported_over_the_defaults_of_a_workspace_made_after_a_restore(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    save(used, tmp_path / "saved")
    target = database(empty=True)
    load(target, tmp_path / "saved")
    target.make_workspace("later")
    with target.connect() as connection:
        connection.execute(
            "select set_config('request.headers', '{\"x-workspace\": \"later\"}', false)"
        )
        counts = connection.execute(
            """select imported, refused from public.import_state('{
                 "format": "sharedstate/1", "subsystems": [{"name": "power", "state": "designing"}],
                 "subsystem_designs": [
                   {"subsystem_name": "power", "version": 1, "design_data": {}}
                 ],
                 "global_constraints": [
                   {"version": 1, "height_m": 1.5}, {"version": 2, "height_m": 1.6}
                 ]
               }') where imported + refused > 0 order by section"""
        ).fetchall()
    assert counts == [(2, 0), (1, 0), (1, 0)]


@pytest.mark.parametrize("defaults", [True, False])
def test_what_a_restored_database_exports_is_imported_whole_although_numbers_were_jumped_over(
    used: Database, database: MakeDatabase, tmp_path: Path, defaults: bool
) -> None:
    save(used, tmp_path / "saved")
    restored, fresh = database(empty=True), database(empty=not defaults)
    load(restored, tmp_path / "saved")
    restored.make_workspace("later")
    for workspace in ("default", "later"):
        assert restored.constraints(workspace) > GAP
        assert restored.design("power", workspace) > GAP
        here, there = (
            Installation(tmp_path, {"DATABASE_URL": each.address}) for each in (restored, fresh)
        )
        assert here.run("export", "--workspace", workspace, "--output", workspace).returncode == 0
        answer = there.run("init", "--workspace", workspace, "--from", workspace)
        assert answer.returncode == 0, answer.stdout + answer.stderr
    rows = """select jsonb_build_object(
      'designs', (
        select jsonb_agg(to_jsonb(t) order by workspace, subsystem_name, version)
        from subsystem_designs as t where workspace <> 'arm'
      ),
      'constraints', (
        select jsonb_agg(to_jsonb(t) - 'created_at' order by workspace, version)
        from global_constraints as t where workspace <> 'arm'
      )
    )"""
    assert fresh.one(rows) == restored.one(rows)


def test_the_numbers_of_the_database_that_is_replaced_count_too(
    used: Database, tmp_path: Path
) -> None:
    save(used, tmp_path / "saved")
    lost = [used.token("power") for _ in range(3)][-1]
    shell = used.token("shell")
    design, conflict = used.design("power"), used.conflict()
    status = used.write_status("power", "complete")
    load(used, tmp_path / "saved", force=True, gap=0)
    assert used.one(
        "select state from subsystems where name = 'power' and workspace = 'default'"
    ) == ("designing")
    assert used.token("power") == lost + 1
    assert used.token("shell") > shell
    assert used.design("power") == design + 1
    assert used.conflict() == conflict + 1
    assert used.write_status("power", "complete") > status


@pytest.mark.parametrize("lost", ["replaced", "gone"])
def test_a_workspace_that_the_backup_does_not_know_goes_on_too_when_it_is_made_again(
    database: MakeDatabase, tmp_path: Path, lost: str
) -> None:
    used = database()
    save(used, tmp_path / "saved")
    used.make_workspace("arm")
    assert (used.conflict("arm"), used.conflict("arm")) == (1, 2)
    assert (used.constraints("arm"), used.constraints("arm")) == (2, 3)
    # Of the default one, the backup has no conflict.
    assert used.conflict() == 1
    target = used if lost == "replaced" else database(empty=True)
    load(target, tmp_path / "saved", force=True, gap=0 if lost == "replaced" else GAP)
    target.make_workspace("arm")
    assert target.conflict("arm") > 2
    assert target.conflict() > 1
    assert target.one("select min(version) from global_constraints where workspace = 'arm'") > 3
    assert target.constraints("arm") > 4
    # And once more, from the same backup.
    numbers = target.conflict("arm"), target.constraints("arm")
    load(target, tmp_path / "saved", force=True, gap=0)
    target.make_workspace("arm")
    assert target.conflict("arm") > numbers[0]
    assert target.constraints("arm") > numbers[1]


def test_a_restore_that_lost_the_workspaces_of_another_forgets_none_of_their_numbers(
    database: MakeDatabase, tmp_path: Path
) -> None:
    used = database()
    save(used, tmp_path / "saved")
    used.make_workspace("arm")
    assert (used.conflict("arm"), used.conflict("arm")) == (1, 2)
    for _ in range(2):
        load(used, tmp_path / "saved", force=True, gap=0)
    used.make_workspace("arm")
    assert used.conflict("arm") == 3


def test_the_newest_document_is_the_same_under_its_new_number(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    save(used, tmp_path / "saved")
    target = database(empty=True)
    load(target, tmp_path / "saved")
    query = "select array_agg(design_data order by version) from subsystem_designs"
    assert target.one(query) == [{"mass": 1}] * 3
    assert target.one("select max(version) from subsystem_designs") == 2 + GAP
    assert target.one("select max(version) from global_constraints") == 1 + GAP


def test_transaction_numbers_of_another_server_are_made_our_own(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    with used.connect() as connection:
        connection.execute(
            """alter table public.agent_activity_logs
               add column if not exists transaction_id xid8 not null default pg_current_xact_id()"""
        )
        # As of a server that has run for years.
        connection.execute(
            "update public.agent_activity_logs set transaction_id = '9000000000000' where true"
        )
    save(used, tmp_path / "saved")
    target = database(empty=True)
    load(target, tmp_path / "saved")
    assert target.one(
        """select bool_and(transaction_id < pg_snapshot_xmin(pg_current_snapshot()))
           from agent_activity_logs"""
    )


def test_who_had_read_the_newest_document_is_not_stale_after_a_restore(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    assert used.design("power") == 3
    with used.connect() as connection:
        for reader, version in (("shell", 3), ("skeleton", 2)):
            connection.execute(
                """insert into public.document_dependencies
                   (workspace, subsystem, on_subsystem, document, seen_version, recorded_by)
                   values ('default', %s, 'power', 'design', %s, 'tester')""",
                [reader, version],
            )
    save(used, tmp_path / "saved")
    target = database(empty=True)
    load(target, tmp_path / "saved")
    query = "select jsonb_object_agg(subsystem, seen_version) from document_dependencies"
    assert target.one("select max(version) from subsystem_designs") == 3 + GAP
    assert target.one(query) == {"shell": 3 + GAP, "skeleton": 2}
