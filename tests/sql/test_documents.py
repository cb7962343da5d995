"""Requirements, interfaces and designs: versions without gaps, compare-and-set, who may write."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sql.support import Api, Row

KINDS = {
    "requirements": ("update_subsystem_requirements", "subsystem_requirements", "requirements"),
    "interfaces": ("update_subsystem_interfaces", "subsystem_interfaces", "interfaces"),
    "design": ("update_subsystem_design", "subsystem_designs", "design_data"),
}
every_kind = pytest.mark.parametrize("kind", KINDS)
worker_kinds = pytest.mark.parametrize("kind", ["interfaces", "design"])


def arguments(kind: str, content: Row | None = None, **more: Any) -> Row:
    return {
        "subsystem": "skeleton",
        KINDS[kind][2]: {"a": 1} if content is None else content,
        "created_by": "skeleton_agent",
        **more,
    }


def publish(api: Api, kind: str, content: Row | None = None, **more: Any) -> Row:
    row: Row = api.do(KINDS[kind][0], **arguments(kind, content, **more))
    return row


@every_kind
def test_versions_count_from_one_and_earlier_ones_stay(api: Api, kind: str) -> None:
    written = [publish(api, kind, {"number": number}) for number in range(3)]
    assert [row["version"] for row in written] == [1, 2, 3]
    assert api.rows(KINDS[kind][1], order="version") == written
    assert [row[KINDS[kind][2]] for row in written] == [{"number": n} for n in range(3)]
    assert written[0]["created_by"] == "skeleton_agent"
    assert written[0]["workspace"] == api.workspace


@every_kind
def test_each_subsystem_and_each_workspace_counts_for_itself(
    api: Api, new_workspace: Any, kind: str
) -> None:
    publish(api, kind)
    assert publish(api, kind, subsystem="power")["version"] == 1
    assert publish(new_workspace(), kind)["version"] == 1


@every_kind
def test_a_document_is_stored_as_it_came(api: Api, kind: str) -> None:
    content = {"ünïcode ☃": [1, 2.50, None, True, {"deep": {"": []}}], "version": 9}
    assert publish(api, kind, content)[KINDS[kind][2]] == content
    assert publish(api, kind, {})[KINDS[kind][2]] == {}


@every_kind
def test_an_unknown_subsystem_is_made(api: Api, kind: str) -> None:
    publish(api, kind, subsystem="gripper")
    (row,) = api.rows("subsystems", name="eq.gripper")
    assert (row["state"], row["version"]) == ("not_started", 1)


@every_kind
def test_a_base_version_that_is_the_latest_is_accepted(api: Api, kind: str) -> None:
    assert publish(api, kind, base_version=0)["version"] == 1
    assert publish(api, kind, base_version=1)["version"] == 2


@every_kind
@pytest.mark.parametrize("base_version", [-1, 0, 1, 3])
def test_any_other_base_version_is_stale(api: Api, kind: str, base_version: int) -> None:
    publish(api, kind)
    publish(api, kind)
    before = api.snapshot()
    detail = api.refused(
        KINDS[kind][0], "stale_version", **arguments(kind, base_version=base_version)
    )
    assert (detail["expected"], detail["actual"]) == (base_version, 2)
    assert api.snapshot() == before


@worker_kinds
@pytest.mark.parametrize("execution_id", [None, "run-2"])
def test_only_the_holder_writes_a_locked_subsystem(
    api: Api, kind: str, execution_id: str | None
) -> None:
    api.lock()
    before = api.snapshot()
    detail = api.refused(
        KINDS[kind][0], "resource_locked", **arguments(kind, execution_id=execution_id)
    )
    assert detail["locked_by"] == "skeleton_agent"
    assert api.snapshot() == before


@worker_kinds
def test_the_holder_writes_by_its_execution_or_by_its_token(api: Api, kind: str) -> None:
    token = api.lock()["fencing_token"]
    assert publish(api, kind, execution_id="run-1")["version"] == 1
    assert publish(api, kind, fencing_token=token)["version"] == 2
    assert publish(api, kind, fencing_token=token, execution_id="run-1")["version"] == 3


def test_requirements_may_be_written_while_somebody_works_on_the_subsystem(api: Api) -> None:
    api.lock()
    row = publish(api, "requirements", created_by="system_architect", execution_id="run-2")
    assert row["version"] == 1


@every_kind
def test_a_lapsed_lease_cannot_write(api: Api, kind: str) -> None:
    lease = api.lock()
    api.lapse(lease)
    before = api.snapshot()
    detail = api.refused(
        KINDS[kind][0],
        "lease_lost",
        **arguments(kind, execution_id="run-1", fencing_token=lease["fencing_token"]),
    )
    assert (detail["resource_name"], detail["held_by"]) == ("skeleton", None)
    assert api.snapshot() == before


@every_kind
def test_an_unknown_token_cannot_write(api: Api, kind: str) -> None:
    api.lock()
    api.refused(KINDS[kind][0], "lease_lost", **arguments(kind, fencing_token=99))


@every_kind
def test_a_write_logs_itself(api: Api, kind: str) -> None:
    publish(api, kind, execution_id="run-1")
    name = "design_updated" if kind == "design" else f"{kind}_updated"
    (entry,) = api.log(name)
    assert (entry["agent_name"], entry["execution_id"]) == ("skeleton_agent", "run-1")
    assert entry["details"] == {"subsystem": "skeleton", "version": 1}
