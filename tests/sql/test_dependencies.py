"""What a subsystem is made from, and what happens when that changes."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from tests.sql.support import Api, Row

DOCUMENT = {"requirements": "requirements", "interfaces": "interfaces", "design": "design_data"}
RUN = {"agent_name": "skeleton_agent", "execution_id": "run-1"}


def publish(api: Api, subsystem: str, content: Row, kind: str = "interfaces") -> Row:
    row: Row = api.do(
        f"update_subsystem_{kind}",
        subsystem=subsystem,
        created_by=f"{subsystem}_agent",
        execution_id=f"{subsystem}-run",
        **{DOCUMENT[kind]: content},
    )
    return row


def check_out(api: Api, *reads: str, **more: Any) -> Row:
    ((checkout),) = api.do(
        "checkout_subsystem", **{"subsystem": "skeleton", "reads": list(reads), **RUN, **more}
    )
    found: Row = checkout
    return found


def check_in(api: Api, checkout: Row, state: str = "complete", **more: Any) -> Row:
    return {
        "subsystem": "skeleton",
        **RUN,
        "fencing_token": checkout["lease"]["fencing_token"],
        "status": {"state": state},
        **more,
    }


def stale(api: Api, subsystem: str = "skeleton") -> list[Row]:
    (row,) = api.rows("system_status", name=f"eq.{subsystem}")
    found: list[Row] = row["stale_inputs"]
    return found


def depend(api: Api, **more: Any) -> Row:
    arguments = {"subsystem": "skeleton", "on_subsystem": "power", "document": "interfaces"}
    row: Row = api.do("record_dependency", **{**arguments, "agent_name": "a", **more})
    return row


def test_a_checkout_depends_on_what_it_read(api: Api) -> None:
    publish(api, "power", {"volts": 48})
    publish(api, "power", {"hours": 4}, "requirements")
    checkout = check_out(api, "power", "shell", reads_requirements=["power"])
    assert [row["interfaces"] for row in checkout["inputs"]] == [{"volts": 48}]
    assert [row["requirements"] for row in checkout["input_requirements"]] == [{"hours": 4}]
    seen = {
        (row["on_subsystem"], row["document"]): row["seen_version"]
        for row in api.rows("document_dependencies", subsystem="eq.skeleton")
    }
    assert seen == {
        ("power", "interfaces"): 1,
        ("power", "requirements"): 1,
        ("shell", "interfaces"): 0,
    }
    assert stale(api) == []


def test_a_subsystem_that_reads_its_own_documents_does_not_depend_on_itself(api: Api) -> None:
    check_out(api, "skeleton")
    assert api.rows("document_dependencies") == []


def test_a_checkout_that_gets_no_lock_depends_on_nothing(api: Api) -> None:
    api.lock(execution_id="other")
    assert api.do("checkout_subsystem", subsystem="skeleton", reads=["power"], **RUN) == []
    assert api.rows("document_dependencies") == []


@pytest.mark.parametrize("kind", DOCUMENT)
def test_a_newer_version_makes_dependents_stale_and_tells_what_changed(api: Api, kind: str) -> None:
    publish(api, "power", {"volts": 48, "pack": {"kg": 3}}, kind)
    depend(api, document=kind)
    depend(api, subsystem="shell", document=kind)
    publish(api, "power", {"volts": 48, "pack": {"kg": 4}}, kind)
    publish(api, "power", {"volts": 48, "pack": {"kg": 5}, "new": 1}, kind)
    expected = {"subsystem": "power", "document": kind, "seen_version": 1, "new_version": 3}
    assert stale(api) == stale(api, "shell") == [expected]
    assert stale(api, "power") == []
    *_, told = api.log("inputs_changed")
    assert told["details"]["changed_paths"] == ["/new", "/pack/kg"]


def test_a_version_that_says_the_same_makes_nobody_stale(api: Api) -> None:
    """Two that read each other would else be stale by turns for ever."""
    publish(api, "power", {"volts": 48})
    check_out(api, "power")
    assert publish(api, "power", {"volts": 48})["version"] == 2
    assert stale(api) == []
    assert api.log("inputs_changed") == []


def test_a_change_that_was_taken_back_makes_nobody_stale(api: Api) -> None:
    publish(api, "power", {"volts": 48})
    check_out(api, "power")
    publish(api, "power", {"volts": 24})
    assert len(stale(api)) == len(api.log("inputs_changed")) == 1
    publish(api, "power", {"volts": 48})
    assert stale(api) == []


def test_each_dependent_is_told_in_the_log_when_it_becomes_stale(api: Api) -> None:
    depend(api)
    depend(api, subsystem="shell")
    depend(api, subsystem="sensing", document="design")
    publish(api, "power", {"volts": 48})
    entries = api.log("inputs_changed")
    assert [one["details"]["subsystem"] for one in entries] == ["shell", "skeleton"]
    assert entries[1]["details"] == {
        "subsystem": "skeleton",
        "on_subsystem": "power",
        "document": "interfaces",
        "seen_version": 0,
        "new_version": 1,
        "changed_paths": ["/volts"],
    }
    assert (entries[1]["agent_name"], entries[1]["execution_id"]) == ("power_agent", "power-run")


def test_dependents_do_not_keep_a_large_document_from_being_published(api: Api) -> None:
    for subsystem in ("skeleton", "shell", "sensing"):
        depend(api, subsystem=subsystem, document="design")
    content = {f"bolt-{number}": {"torque_nm": 5} for number in range(10_000)}
    publish(api, "power", content, "design")
    entries = api.log("inputs_changed")
    assert [len(entry["details"]["changed_paths"]) for entry in entries] == [10_000] * 3
    assert len(stale(api)) == 1


def test_each_dependent_is_told_what_changed_since_the_version_that_it_has_seen(api: Api) -> None:
    for volts in (12, 24):
        publish(api, "power", {"volts": volts, "cells": volts // 4})
    depend(api, version=1)
    depend(api, subsystem="shell", version=2)
    depend(api, subsystem="sensing", version=2)
    publish(api, "power", {"volts": 12, "cells": 3, "ah": 20})
    told = {one["details"]["subsystem"]: one["details"] for one in api.log("inputs_changed")}
    assert told["skeleton"]["changed_paths"] == ["/ah"]
    assert told["shell"]["changed_paths"] == ["/ah", "/cells", "/volts"]
    assert told["sensing"]["changed_paths"] == told["shell"]["changed_paths"]
    assert [told[name]["seen_version"] for name in ("skeleton", "shell")] == [1, 2]


def test_a_stale_subsystem_is_not_checked_in_as_complete(api: Api) -> None:
    checkout = check_out(api, "power")
    publish(api, "power", {"volts": 48})
    before = api.snapshot()
    detail = api.refused("checkin_subsystem", "stale_inputs", **check_in(api, checkout))
    (input_,) = stale(api)
    assert detail == {"subsystem": "skeleton", "inputs": [{**input_, "changed_paths": ["/volts"]}]}
    assert api.snapshot() == before
    # Other states may be: it is work in progress.
    assert api.do("checkin_subsystem", **check_in(api, checkout, "designing"))["released"]


def test_a_stale_subsystem_that_was_complete_before_is_not_checked_in_either(api: Api) -> None:
    checkout = check_out(api, "power")
    api.do("checkin_subsystem", **check_in(api, checkout, release=False))
    publish(api, "power", {"volts": 48})
    arguments = check_in(api, checkout, status={"iteration": 2})
    api.refused("checkin_subsystem", "stale_inputs", **arguments)


def test_accept_stale_completes_a_stale_subsystem_and_logs_the_reason(api: Api) -> None:
    checkout = check_out(api, "power", "shell")
    publish(api, "power", {"volts": 48})
    arguments = check_in(api, checkout, accept_stale="volts do not matter to bones")
    (input_,) = stale(api)
    assert api.do("checkin_subsystem", **arguments, release=False)["status"]["state"] == "complete"
    (entry,) = api.log("stale_inputs_accepted")
    assert entry["details"] == {
        "subsystem": "skeleton",
        "reason": "volts do not matter to bones",
        "inputs": [{**input_, "changed_paths": ["/volts"]}],
    }
    assert stale(api) == []
    publish(api, "power", {"volts": 24})
    assert [(one["seen_version"], one["new_version"]) for one in stale(api)] == [(0, 2)]


def test_an_accepted_version_is_accepted_until_another_one_is_read(api: Api) -> None:
    checkout = check_out(api)
    for volts in (12, 24, 48):
        publish(api, "power", {"volts": volts})
    depend(api, version=1)
    api.do("checkin_subsystem", **check_in(api, checkout, accept_stale="bones need no volts"))
    assert depend(api, version=1, agent_name="another")["accepted_version"] == 3
    assert stale(api) == []
    assert depend(api, version=2)["accepted_version"] is None
    assert [(one["seen_version"], one["new_version"]) for one in stale(api)] == [(2, 3)]


def made_from_an_older_version(api: Api) -> Row:
    """A skeleton that is complete, made from version 1 of power, of which there is a second."""
    publish(api, "power", {"volts": 24})
    made = check_in(api, check_out(api, "power"), design_data={"cable_mm2": 6})
    api.do("checkin_subsystem", **made)
    publish(api, "power", {"volts": 48})
    (input_,) = stale(api)
    assert (input_["seen_version"], input_["new_version"]) == (1, 2)
    return input_


def test_a_new_checkout_and_check_in_make_a_stale_subsystem_up_to_date(
    api: Api,
) -> None:
    input_ = made_from_an_older_version(api)
    checkout = check_out(api, "power")
    assert stale(api) == [input_]  # nothing was redone yet
    assert api.do("checkin_subsystem", **check_in(api, checkout))["released"]
    assert stale(api) == []


def release(api: Api, lease: Row) -> None:
    """Given back without a check-in, as by an agent that failed."""
    run = {"resource_type": "subsystem", "resource_name": "skeleton", "execution_id": "run-1"}
    assert api.do("release_lock", **run, fencing_token=lease["fencing_token"])


def delete(api: Api, lease: Row) -> None:
    """Taken away by hand."""
    api.sql("delete from public.agent_locks where workspace = %s", api.workspace)


@pytest.mark.parametrize("lose", [release, Api.lapse, delete])
def test_a_checkout_without_a_check_in_leaves_its_subsystem_stale(api: Api, lose: Any) -> None:
    input_ = made_from_an_older_version(api)
    lose(api, check_out(api, "power")["lease"])
    assert stale(api) == [input_]
    # Nor has whoever comes next read what the one before read.
    again = check_out(api, execution_id="run-2")
    call = check_in(api, again, execution_id="run-2")
    refused = api.refused("checkin_subsystem", "stale_inputs", **call)
    assert refused["inputs"] == [{**input_, "changed_paths": ["/volts"]}]
    assert stale(api) == [input_]


def test_a_check_in_of_a_state_leaves_it_stale_and_one_of_a_design_does_not(api: Api) -> None:
    input_ = made_from_an_older_version(api)
    checkout = check_out(api, "power")
    api.do("checkin_subsystem", **check_in(api, checkout, "designing", release=False))
    assert stale(api) == [input_]
    call = check_in(api, checkout, "designing", design_data={"cable_mm2": 4}, release=False)
    api.do("checkin_subsystem", **call)
    assert stale(api) == []
    (row,) = api.rows("document_dependencies")
    assert (row["seen_version"], row["read_version"], row["read_token"]) == (2, None, None)


def test_a_check_in_that_is_refused_has_adopted_nothing(api: Api) -> None:
    input_ = made_from_an_older_version(api)
    checkout = check_out(api, "power")
    publish(api, "power", {"volts": 60})
    refused = api.refused("checkin_subsystem", "stale_inputs", **check_in(api, checkout))
    assert [(one["seen_version"], one["new_version"]) for one in refused["inputs"]] == [(2, 3)]
    assert stale(api) == [{**input_, "new_version": 3}]


def test_a_checkout_repeated_after_a_change_counts_as_having_read_the_first_answer(
    api: Api,
) -> None:
    """A copy that the network held back: its answer, with the new version, reaches nobody."""
    made_from_an_older_version(api)
    request = str(uuid.uuid4())
    checkout = check_out(api, "power", request_id=request)
    publish(api, "power", {"volts": 60})
    again = check_out(api, "power", request_id=request)
    assert again["lease"] == checkout["lease"]
    assert [row["version"] for row in again["inputs"]] == [3]
    refused = api.refused("checkin_subsystem", "stale_inputs", **check_in(api, checkout))
    assert [(one["seen_version"], one["new_version"]) for one in refused["inputs"]] == [(2, 3)]
    # An agent that did read the second answer can say so.
    depend(api, version=3)
    api.do("checkin_subsystem", **check_in(api, again))
    assert stale(api) == []


def test_a_checkout_repeated_with_more_reads_depends_on_those_too(api: Api) -> None:
    request = str(uuid.uuid4())
    check_out(api, request_id=request)
    check_out(api, "power", request_id=request)
    publish(api, "power", {"volts": 60})
    assert [(one["seen_version"], one["new_version"]) for one in stale(api)] == [(0, 1)]


def test_a_recorded_dependency_counts_at_once_and_before_the_reads_of_a_checkout(api: Api) -> None:
    made_from_an_older_version(api)
    checkout = check_out(api, "power")
    publish(api, "power", {"volts": 60})
    assert depend(api)["seen_version"] == 3
    assert stale(api) == []
    api.do("checkin_subsystem", **check_in(api, checkout))
    (row,) = api.rows("document_dependencies")
    assert (row["seen_version"], row["read_version"]) == (3, None)


def test_a_change_back_makes_a_checkout_of_the_version_between_stale(api: Api) -> None:
    """The work of before is right again; that which goes on is not."""
    made_from_an_older_version(api)
    checkout = check_out(api, "power")
    publish(api, "power", {"volts": 24})
    assert stale(api) == []
    entry = api.log("inputs_changed")[-1]["details"]
    assert (entry["subsystem"], entry["seen_version"], entry["new_version"]) == ("skeleton", 2, 3)
    refused = api.refused("checkin_subsystem", "stale_inputs", **check_in(api, checkout))
    assert [(one["seen_version"], one["new_version"]) for one in refused["inputs"]] == [(2, 3)]


def test_the_reads_of_an_open_checkout_are_neither_exported_nor_imported(
    api: Api, new_workspace: Any
) -> None:
    made_from_an_older_version(api)
    check_out(api, "power")
    assert api.rows("document_dependencies")[0]["read_version"] == 2
    document = api.do("export_state")
    (exported,) = document["document_dependencies"]
    assert "read_version" not in exported and "read_token" not in exported
    exported.update(read_version=2, read_token=1)
    other = new_workspace()
    other.operate("import_state", document=document)
    (row,) = other.rows("document_dependencies")
    assert (row["seen_version"], row["read_version"], row["read_token"]) == (1, None, None)


def test_an_accepted_content_that_is_published_again_makes_nobody_stale(api: Api) -> None:
    made_from_an_older_version(api)
    call = check_in(api, check_out(api), accept_stale="the cable is thick enough")
    api.do("checkin_subsystem", **call)
    told = len(api.log("inputs_changed"))
    publish(api, "power", {"volts": 48})
    assert stale(api) == []
    assert len(api.log("inputs_changed")) == told
    publish(api, "power", {"volts": 60})
    assert [(one["seen_version"], one["new_version"]) for one in stale(api)] == [(1, 4)]
    assert len(api.log("inputs_changed")) == told + 1


def test_subsystems_may_depend_on_each_other(api: Api) -> None:
    depend(api)
    depend(api, subsystem="power", on_subsystem="skeleton")
    publish(api, "power", {"volts": 48})
    publish(api, "skeleton", {"hip": 1})
    assert [one["subsystem"] for one in stale(api)] == ["power"]
    assert [one["subsystem"] for one in stale(api, "power")] == ["skeleton"]


def test_a_dependency_is_on_the_version_that_is_named_or_the_latest(api: Api) -> None:
    for volts in (12, 24):
        publish(api, "power", {"volts": volts})
    assert depend(api)["seen_version"] == 2
    assert depend(api, version=1)["seen_version"] == 1
    assert len(stale(api)) == 1
    detail = {"document": "interfaces", "subsystem": "power", "version": 3}
    refused = api.refused(
        "record_dependency", "unknown_version", subsystem="skeleton", on_subsystem="power",
        document="interfaces", agent_name="a", version=3,
    )  # fmt: skip
    assert refused == detail


def test_a_removed_dependency_makes_nothing_stale(api: Api) -> None:
    row = depend(api)
    arguments = {"subsystem": "skeleton", "on_subsystem": "power", "document": "interfaces"}
    assert api.do("remove_dependency", **arguments, agent_name="a") == [row]
    assert api.do("remove_dependency", **arguments, agent_name="a") == []
    publish(api, "power", {"volts": 48})
    assert stale(api) == []


def test_a_repeated_removal_leaves_what_was_recorded_since(api: Api) -> None:
    call = {"subsystem": "skeleton", "on_subsystem": "power", "document": "interfaces"}
    call |= {"agent_name": "a", "request_id": str(uuid.uuid4())}
    assert api.do("remove_dependency", **call) == []
    depend(api)
    assert api.do("remove_dependency", **call) == []
    assert len(api.rows("document_dependencies")) == 1


def test_dependencies_of_another_workspace_are_left_alone(api: Api, new_workspace: Any) -> None:
    depend(api)
    publish(new_workspace(), "power", {"volts": 48})
    assert stale(api) == []
