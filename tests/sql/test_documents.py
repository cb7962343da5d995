"""Requirements, interfaces and designs: versions without gaps, compare-and-set, who may write."""

from __future__ import annotations

from decimal import Decimal
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
@pytest.mark.parametrize(
    ("base_version", "slug"), [(-1, "invalid_argument"), (3, "unknown_version")]
)
def test_a_base_version_that_was_never_published_is_refused(
    api: Api, kind: str, base_version: int, slug: str
) -> None:
    publish(api, kind, {"a": 1})
    publish(api, kind, {"a": 2})
    before = api.snapshot()
    detail = api.refused(KINDS[kind][0], slug, **arguments(kind, base_version=base_version))
    if slug == "unknown_version":
        assert detail == {
            "document": kind,
            "subsystem": "skeleton",
            "version": 3,
            "latest_version": 2,
        }
    assert api.snapshot() == before


@every_kind
def test_a_base_version_that_a_restore_has_lost_is_stale(api: Api, kind: str) -> None:
    for number in (1, 2):
        publish(api, kind, {"a": number})
    api.sql(
        f"update public.{KINDS[kind][1]} set version = 102 where workspace = %s and version = 2",
        api.workspace,
    )
    detail = api.refused(KINDS[kind][0], "stale_version", **arguments(kind, base_version=2))
    assert (detail["expected"], detail["actual"]) == (2, 102)
    assert detail["base"] is None and detail["theirs"] == {"a": 2}


@every_kind
def test_changes_to_different_parts_are_merged_and_the_version_says_so(api: Api, kind: str) -> None:
    column = KINDS[kind][2]
    publish(api, kind, {"hip": {"x": 1, "y": 1}, "knee": 1, "ankle": [1, 2]})
    theirs = publish(api, kind, {"hip": {"x": 2, "y": 1}, "knee": 1}, base_version=1)
    assert (theirs["base_version"], theirs["merged"]) == (1, False)
    yours = {"hip": {"x": 1, "y": 3, "z": 4}, "knee": 1, "ankle": [1, 2], "toe": None}
    merged = publish(api, kind, yours, base_version=1)
    assert merged[column] == {"hip": {"x": 2, "y": 3, "z": 4}, "knee": 1, "toe": None}
    assert (merged["version"], merged["base_version"], merged["merged"]) == (3, 1, True)


@every_kind
def test_a_change_of_the_same_part_is_refused_with_all_that_a_rebase_needs(
    api: Api, kind: str
) -> None:
    base = {"hip": {"x/y": 1, "z": 1}, "knee": 1}
    theirs = {"hip": {"x/y": 2, "z": 1}, "knee": 2}
    yours = {"hip": {"x/y": 3, "z": 2}}
    publish(api, kind, base)
    publish(api, kind, theirs)
    before = api.snapshot()
    detail = api.refused(KINDS[kind][0], "stale_version", **arguments(kind, yours, base_version=1))
    assert (detail["base"], detail["theirs"], detail["yours"]) == (base, theirs, yours)
    assert detail["paths"] == ["/hip/x~1y", "/knee"]
    assert (detail["base_version"], detail["latest_version"]) == (1, 2)
    assert (detail["document"], detail["subsystem"]) == (kind, "skeleton")
    assert api.snapshot() == before
    assert publish(api, kind, {**theirs, "hip": yours["hip"]}, base_version=2)["version"] == 3


LONG = {
    "a": Decimal("0.12345678901234567891"),
    "identity": 2**53 + 1,
    "halfway": Decimal("1.00000000000000000000001e23"),
    "almost nothing": Decimal("-1.23456789012345678901e-300"),
    "list": [{"deep": 12345678901234567890123}, Decimal("2.50"), "text"],
    "b": 1,
}


def in_doubles(value: Any) -> Any:
    """What a client in JavaScript makes of a document that it reads."""
    if isinstance(value, dict):
        return {key: in_doubles(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [in_doubles(inner) for inner in value]
    return value if isinstance(value, str) else float(value)


@every_kind
def test_a_client_that_reads_numbers_as_doubles_changes_only_what_it_edits(
    api: Api, kind: str
) -> None:
    function, _, column = KINDS[kind]
    call = {"subsystem": "skeleton", "created_by": "a"}
    api.do_exactly(function, **call, **{column: LONG})
    edited = {column: {**in_doubles(LONG), "b": 2}}
    row = api.do_exactly(function, **call, **edited, base_version=1)
    assert row[column] == {**LONG, "b": 2}
    asked = {"subsystem": "skeleton", "document": kind, "from_version": 1, "to_version": 2}
    assert [change["path"] for change in api.do("diff_documents", **asked)] == ["/b"]
    # Nor does it meet a conflict with who changed what it has only read.
    theirs = Decimal("0.98765432109876543211")
    api.do_exactly(function, **call, **{column: {**LONG, "b": 2, "a": theirs}})
    edited = {column: {**in_doubles(LONG), "b": 3}}
    row = api.do_exactly(function, **call, **edited, base_version=2)
    assert row[column] == {**LONG, "a": theirs, "b": 3}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (90071992547409930, 90071992547409931),  # counted up, by a client that has all digits
        (Decimal("0.12345678901234567891"), Decimal("0.12345678901234567892")),
        (Decimal("0.12345678901234567891"), None),
        (Decimal("0.12345678901234567891"), "0.12345678901234568"),
    ],
)
def test_a_change_too_small_for_a_double_is_still_a_change(api: Api, old: Any, new: Any) -> None:
    call = {"subsystem": "skeleton", "created_by": "a"}
    api.do_exactly("update_subsystem_design", **call, design_data={"x": old})
    row = api.do_exactly("update_subsystem_design", **call, design_data={"x": new}, base_version=1)
    assert (row["version"], row["design_data"]) == (2, {"x": new})


@every_kind
def test_the_same_change_made_by_others_is_not_published_again(api: Api, kind: str) -> None:
    publish(api, kind, {"a": 1})
    latest = publish(api, kind, {"a": 2})
    assert publish(api, kind, {"a": 2}, base_version=1) == latest
    assert publish(api, kind, {"a": 1}, base_version=1) == latest
    assert publish(api, kind, {"a": 2}, base_version=0) == latest
    updates = api.log("design_updated" if kind == "design" else f"{kind}_updated")
    assert [entry["details"]["version"] for entry in updates] == [1, 2]


def test_a_document_of_ten_thousand_parts_is_merged_well_within_the_time_of_a_statement(
    api: Api,
) -> None:
    """Each object is read once: what took a look at all of it for each key took minutes."""
    base = {f"bolt-{number}": {"torque_nm": 5, "size": "M4" * 10} for number in range(10_000)}
    changed = {"torque_nm": 6, "size": "M4" * 10}
    theirs = {key: changed if key.endswith("1") else part for key, part in base.items()}
    yours = {key: changed if key.endswith("2") else part for key, part in base.items()}
    for content in (base, theirs):
        publish(api, "design", content)
    merged = publish(api, "design", yours, base_version=1)
    expected = {key: changed if key[-1] in "12" else part for key, part in base.items()}
    assert merged["design_data"] == expected
    asked = {"subsystem": "skeleton", "document": "design"}
    changes = api.do("diff_documents", **asked, from_version=1, to_version=3)
    assert len(changes) == 2_000


def nested(levels: int, content: Row) -> Row:
    for _ in range(levels):
        content = {"k": content}
    return content


@pytest.mark.parametrize("levels", [98, 99, 150])
def test_below_a_hundred_levels_an_object_is_one_part(api: Api, levels: int) -> None:
    """However deep a document is, neither a merge nor a difference runs out of stack."""
    publish(api, "design", nested(levels, {"a": {"x": 1}, "b": {"y": 1}}))
    publish(api, "design", nested(levels, {"a": {"x": 2}, "b": {"y": 1}}))
    yours = nested(levels, {"a": {"x": 1}, "b": {"y": 2}})
    whole = "/k" * 100
    if levels < 100:
        merged = publish(api, "design", yours, base_version=1)
        assert merged["design_data"] == nested(levels, {"a": {"x": 2}, "b": {"y": 2}})
    else:
        call = arguments("design", yours, base_version=1)
        assert api.refused("update_subsystem_design", "stale_version", **call)["paths"] == [whole]
    asked = {"subsystem": "skeleton", "document": "design", "from_version": 1, "to_version": 2}
    (change,) = api.do("diff_documents", **asked)
    assert change["path"] == {98: "/k" * 98 + "/a/x", 99: "/k" * 99 + "/a", 150: whole}[levels]


@every_kind
def test_without_a_base_version_the_last_write_wins_and_history_keeps_all(
    api: Api, kind: str
) -> None:
    publish(api, kind, {"a": 1})
    row = publish(api, kind, {"b": 1})
    assert (row[KINDS[kind][2]], row["base_version"], row["merged"]) == ({"b": 1}, None, False)
    assert len(api.rows(KINDS[kind][1])) == 2


@every_kind
def test_a_difference_lists_each_part_with_its_pointer(api: Api, kind: str) -> None:
    publish(api, kind, {"a": {"b": 1, "c~": [1]}, "d": {"e": 1}})
    publish(api, kind, {"a": {"b": 2}, "d": 5, "f": {"g": None}})
    asked = {"subsystem": "skeleton", "document": kind}
    assert api.do("diff_documents", **asked, from_version=1, to_version=2) == [
        {"path": "/a/b", "change": "changed", "old": 1, "new": 2},
        {"path": "/a/c~0", "change": "removed", "old": [1], "new": None},
        {"path": "/d", "change": "changed", "old": {"e": 1}, "new": 5},
        {"path": "/f", "change": "added", "old": None, "new": {"g": None}},
    ]
    assert api.do("diff_documents", **asked, from_version=2, to_version=2) == []
    added = api.do("diff_documents", **asked, from_version=0, to_version=2)
    assert [one["change"] for one in added] == ["added"] * 3
    detail = api.refused("diff_documents", "unknown_version", **asked, from_version=1, to_version=3)
    assert detail["version"] == 3


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
    assert entry["details"] == {"subsystem": "skeleton", "version": 1, "merged": False}
