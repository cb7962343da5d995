"""Documents and who builds on them, over HTTP against a model: any agent, any order of calls."""

from __future__ import annotations

import itertools
import json
import uuid
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.properties.merging import KEYS, LEAVES, Json, difference, merged, same
from tests.sql.support import Api, make_workspace

COLUMN = {"interfaces": "interfaces", "requirements": "requirements", "design": "design_data"}
TABLE = {
    "interfaces": "subsystem_interfaces",
    "requirements": "subsystem_requirements",
    "design": "subsystem_designs",
}
# Few, so that what is published is often what somebody depends on.
SUBSYSTEMS = st.sampled_from(["arm", "leg"])
KINDS = st.sampled_from([*COLUMN])
VALUES = st.one_of(LEAVES, st.dictionaries(KEYS, LEAVES, max_size=2))
_numbers = itertools.count()

Document = tuple[str, str]  # subsystem, kind


class Documents(RuleBasedStateMachine):
    """Calls by chance. Each answer must be what the model says, and so must every read."""

    base: Api  # of the test

    def __init__(self) -> None:
        super().__init__()
        name = f"{self.base.workspace}-{next(_numbers)}"
        self.api = make_workspace(self.base.http, self.base.stack, name)
        self.versions: dict[Document, list[Json]] = {}  # from version 0, the empty one
        self.seen: dict[tuple[str, Document], int] = {}
        self.accepted: dict[tuple[str, Document], int] = {}
        self.told: list[Json] = []

    # What agents do

    @rule(
        subsystem=SUBSYSTEMS,
        kind=KINDS,
        back=st.integers(-1, 4),
        edit=st.dictionaries(KEYS, VALUES, max_size=2),
        removed=st.one_of(st.none(), KEYS),
        says_base=st.booleans(),
    )
    def publish(
        self, subsystem: str, kind: str, back: int, edit: Json, removed: str | None, says_base: bool
    ) -> None:
        versions = self.of((subsystem, kind))
        base = len(versions) - 1 - back
        known = 0 <= base < len(versions)
        yours = {**(versions[base] if known else {}), **edit}
        yours.pop(removed or "", None)
        call = {
            "subsystem": subsystem,
            COLUMN[kind]: yours,
            "created_by": f"{subsystem}_agent",
            "base_version": base if says_base else None,
            "request_id": str(uuid.uuid4()),
        }
        content, paths = yours, []
        if says_base:
            content, paths = merged(versions[base], versions[-1], yours) if known else (yours, [""])
        if paths:
            detail = self.refuse(f"update_subsystem_{kind}", "stale_version", **call)
            assert sorted(detail["paths"]) == sorted(paths)
            assert (detail["theirs"], detail["latest_version"]) == (versions[-1], len(versions) - 1)
            return
        is_rebased = says_base and back != 0
        if not (is_rebased and len(versions) > 1 and same(content, versions[-1])):
            self.add((subsystem, kind), content)
        row = self.api.do(f"update_subsystem_{kind}", **call)
        assert (row["version"], row[COLUMN[kind]]) == (len(versions) - 1, content)
        assert self.api.do(f"update_subsystem_{kind}", **call) == row

    @rule(subsystem=SUBSYSTEMS, on=SUBSYSTEMS, kind=KINDS, version=st.none() | st.integers(0, 3))
    def depend(self, subsystem: str, on: str, kind: str, version: int | None) -> None:
        call = {"subsystem": subsystem, "on_subsystem": on, "document": kind, "agent_name": "a"}
        latest = len(self.of((on, kind))) - 1
        if subsystem == on:
            self.refuse("record_dependency", "invalid_argument", **call, version=version)
        elif version is not None and version > latest:
            self.refuse("record_dependency", "unknown_version", **call, version=version)
        else:
            seen = latest if version is None else version
            row = self.api.do("record_dependency", **call, version=version)
            self.see(subsystem, (on, kind), seen)
            assert row["seen_version"] == seen

    @rule(subsystem=SUBSYSTEMS, on=SUBSYSTEMS, kind=KINDS)
    def no_longer_depend(self, subsystem: str, on: str, kind: str) -> None:
        if subsystem == on:
            return
        call = {"subsystem": subsystem, "on_subsystem": on, "document": kind, "agent_name": "a"}
        was = self.seen.pop((subsystem, (on, kind)), None)
        self.accepted.pop((subsystem, (on, kind)), None)
        removed = self.api.do("remove_dependency", **call)
        assert [row["seen_version"] for row in removed] == ([] if was is None else [was])

    @rule(
        subsystem=SUBSYSTEMS,
        reads=st.sets(SUBSYSTEMS, max_size=1),
        reads_requirements=st.sets(SUBSYSTEMS, max_size=1),
        state=st.sampled_from(["complete", "complete", "designing"]),
        reason=st.sampled_from([None, "it does not matter"]),
    )
    def work(
        self, subsystem: str, reads: set[str], reads_requirements: set[str], state: str,
        reason: str | None,
    ) -> None:  # fmt: skip
        """Check out, and check in as complete or not."""
        run = {"subsystem": subsystem, "agent_name": "a", "execution_id": "run"}
        (checkout,) = self.api.do(
            "checkout_subsystem",
            **run,
            reads=sorted(reads),
            reads_requirements=sorted(reads_requirements),
        )
        self.read(subsystem, "interfaces", reads, checkout["inputs"])
        self.read(subsystem, "requirements", reads_requirements, checkout["input_requirements"])
        stale = self.stale(subsystem)
        call = {
            **run,
            "fencing_token": checkout["lease"]["fencing_token"],
            "status": {"state": state},
        }
        if state == "complete" and stale and reason is None:
            detail = self.refuse("checkin_subsystem", "stale_inputs", **call)
            assert detail["inputs"] == stale
            call["status"] = {"state": "designing"}
        elif state == "complete":
            for one in stale:
                document = one["subsystem"], one["document"]
                self.accepted[subsystem, document] = one["new_version"]
        assert self.api.do("checkin_subsystem", **call, accept_stale=reason)["released"]

    # What always holds

    @invariant()
    def what_is_stale_is_known(self) -> None:
        for row in self.api.rows("system_status"):
            assert row["stale_inputs"] == self.stale(row["name"]), row["name"]

    @invariant()
    def no_version_is_lost(self) -> None:
        for kind, column in COLUMN.items():
            found: dict[str, list[Json]] = {}
            for row in self.api.rows(TABLE[kind], order="subsystem_name,version"):
                found.setdefault(row["subsystem_name"], [{}]).append(row[column])
                assert row["version"] == len(found[row["subsystem_name"]]) - 1
            expected = {name: own for (name, of), own in self.versions.items() if of == kind}
            assert found == {name: own for name, own in expected.items() if len(own) > 1}

    def teardown(self) -> None:
        """The log has told it all, and the state goes through a file and comes out as it was."""
        assert [entry["details"] for entry in self.api.log("inputs_changed")] == self.told
        logged = self.api.log(*(f"{kind}_updated" for kind in COLUMN))
        assert len(logged) == sum(len(own) - 1 for own in self.versions.values())
        document = self.api.do("export_state")
        copy = Api(self.api.http, self.api.stack, f"{self.api.workspace}-copy")
        copy.operate("init_workspace", workspace_name=copy.workspace, with_defaults=False)
        copy.operate("import_state", document=document)
        again = copy.do("export_state")
        for section in ("document_dependencies", *TABLE.values()):
            assert again[section] == document[section]

    # How

    def of(self, document: Document) -> list[Json]:
        return self.versions.setdefault(document, [{}])

    def add(self, document: Document, content: Json) -> None:
        """A new version, of which each dependent is told."""
        self.of(document).append(content)
        for subsystem in ("arm", "leg"):
            found = [one for one in self.stale(subsystem) if self.is_of(one, document)]
            for one in found:
                self.told.append({**one, "subsystem": subsystem, "on_subsystem": document[0]})

    def is_of(self, one: Json, document: Document) -> bool:
        return (one["subsystem"], one["document"]) == document

    def read(self, subsystem: str, kind: str, names: set[str], rows: list[Json]) -> None:
        """What came with a checkout is the latest of each, and is what it depends on now."""
        latest = {name: self.of((name, kind)) for name in sorted(names)}
        assert [row[kind] for row in rows] == [own[-1] for own in latest.values() if len(own) > 1]
        for name, own in latest.items():
            if name != subsystem:
                self.see(subsystem, (name, kind), len(own) - 1)

    def see(self, subsystem: str, document: Document, version: int) -> None:
        """What was accepted of later versions holds as long as the work is made from the same."""
        if self.seen.get((subsystem, document)) != version:
            self.accepted.pop((subsystem, document), None)
        self.seen[subsystem, document] = version

    def stale(self, subsystem: str) -> list[Json]:
        """What system_status should say of it."""
        return [
            {
                "subsystem": document[0],
                "document": document[1],
                "seen_version": seen,
                "new_version": len(own) - 1,
                "changed_paths": difference(own[seen], own[-1]),
            }
            for (name, document), seen in sorted(self.seen.items())
            if name == subsystem
            and len(own := self.of(document)) - 1
            > max(seen, self.accepted.get((name, document), 0))
            and own[seen] != own[-1]
        ]

    def refuse(self, function: str, slug: str, **arguments: Any) -> Json:
        status, answer = self.api.call(function, **arguments)
        assert (answer["message"], status >= 400) == (slug, True), answer
        detail: Json = json.loads(answer["details"])
        return detail


def test_documents_and_stale_inputs_are_as_their_model_whatever_agents_do(api: Api) -> None:
    machine = type("Machine", (Documents,), {"base": api})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=15, stateful_step_count=30, deadline=None)
    )
