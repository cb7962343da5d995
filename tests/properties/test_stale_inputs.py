"""Documents and who builds on them, over HTTP against a model: any agent, any order of calls."""

from __future__ import annotations

import itertools
import json
import uuid
from dataclasses import dataclass
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
RUN = {"agent_name": "a", "execution_id": "run"}


@dataclass
class Work:
    """What is checked out, by which call, with which reads."""

    request_id: str
    reads: list[str]
    reads_requirements: list[str]
    token: int = 0


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
        # What a checkout with this token has read, until its check-in or another word about it.
        self.unseen: dict[tuple[str, Document], tuple[int, int]] = {}
        self.work: dict[str, Work] = {}
        self.checked_in = 0
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
            "execution_id": RUN["execution_id"],  # that of whoever has checked it out
            "request_id": str(uuid.uuid4()),
        }
        if says_base and not known:
            slug = "invalid_argument" if base < 0 else "unknown_version"
            self.refuse(f"update_subsystem_{kind}", slug, **call)
            return
        content, paths = merged(versions[base], versions[-1], yours) if says_base else (yours, [])
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

    @rule(subsystem=SUBSYSTEMS, kind=KINDS, back=st.integers(0, 3))
    def publish_again(self, subsystem: str, kind: str, back: int) -> None:
        """What stood in an older version: nothing new to who has seen or accepted that one."""
        content = self.of((subsystem, kind))[-1 - back :][0]
        self.add((subsystem, kind), content)
        call = {"subsystem": subsystem, COLUMN[kind]: content, "created_by": f"{subsystem}_agent"}
        row = self.api.do(f"update_subsystem_{kind}", **call, execution_id=RUN["execution_id"])
        assert row["version"] == len(self.of((subsystem, kind))) - 1

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
        self.unseen.pop((subsystem, (on, kind)), None)
        removed = self.api.do("remove_dependency", **call)
        assert [row["seen_version"] for row in removed] == ([] if was is None else [was])

    @rule(
        subsystem=SUBSYSTEMS,
        reads=st.sampled_from([["arm", "leg"], []]),
        reads_requirements=st.sampled_from([["arm", "leg"], []]),
    )
    def check_out(self, subsystem: str, reads: list[str], reads_requirements: list[str]) -> None:
        """Also when it is checked out already: then the call is a repetition, or a late copy."""
        is_new = subsystem not in self.work
        if is_new:
            self.work[subsystem] = Work(
                str(uuid.uuid4()), sorted(reads), sorted(reads_requirements)
            )
        work = self.work[subsystem]
        (checkout,) = self.api.do(
            "checkout_subsystem",
            subsystem=subsystem,
            **RUN,
            reads=work.reads,
            reads_requirements=work.reads_requirements,
            request_id=work.request_id,
        )
        work.token = checkout["lease"]["fencing_token"]
        for kind, names, rows in (
            ("interfaces", work.reads, checkout["inputs"]),
            ("requirements", work.reads_requirements, checkout["input_requirements"]),
        ):
            self.read(subsystem, kind, names, rows, is_new)

    @rule(subsystem=SUBSYSTEMS, how=st.sampled_from(["release", "lapse", "delete"]))
    def lose(self, subsystem: str, how: str) -> None:
        """The work comes to nothing, so that it is as stale as it was before."""
        work = self.work.pop(subsystem, None)
        if work is None:
            return
        lease = {"resource_type": "subsystem", "resource_name": subsystem}
        if how == "release":
            assert self.api.do("release_lock", **lease, execution_id=RUN["execution_id"])
        elif how == "lapse":
            self.api.lapse(lease)
        else:
            self.api.sql(
                "delete from public.agent_locks where workspace = %s and resource_name = %s",
                self.api.workspace,
                subsystem,
            )

    @rule(
        subsystem=SUBSYSTEMS,
        state=st.sampled_from(["complete", "complete", "designing"]),
        reason=st.sampled_from([None, "it does not matter"]),
        interfaces=st.none() | st.dictionaries(KEYS, VALUES, max_size=2),
        keeps=st.booleans(),
    )
    def check_in(
        self, subsystem: str, state: str, reason: str | None, interfaces: Json | None, keeps: bool
    ) -> None:
        work = self.work.get(subsystem)
        if work is None:
            return
        call = {
            "subsystem": subsystem,
            **RUN,
            "fencing_token": work.token,
            "status": {"state": state},
            "interfaces": interfaces,
            "accept_stale": reason,
            "release": not keeps,
        }
        before = dict(self.seen), dict(self.accepted), dict(self.unseen)
        if state == "complete" or interfaces is not None:
            self.adopt(subsystem, work.token)
        stale = self.stale(subsystem) if state == "complete" else []
        if stale and reason is None:
            told = self.refuse("checkin_subsystem", "stale_inputs", **call)["inputs"]
            assert told == [self.with_paths(change) for change in stale]
            self.seen, self.accepted, self.unseen = before
            return
        for one in stale:
            self.accepted[subsystem, (one["subsystem"], one["document"])] = one["new_version"]
        if interfaces is not None:
            self.add((subsystem, "interfaces"), interfaces)
            self.checked_in += 1
        assert self.api.do("checkin_subsystem", **call)["released"] is not keeps
        if not keeps:
            del self.work[subsystem]

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
        published = sum(len(own) - 1 for own in self.versions.values())
        assert len(logged) == published - self.checked_in
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
            # What its work is made from, else what it will be made from by its check-in.
            seen = self.seen.get((subsystem, document))
            read, _ = self.unseen.get((subsystem, document), (None, None))
            accepted = self.accepted.get((subsystem, document))
            change = self.change(document, seen, accepted) or self.change(document, read, None)
            if change:
                names = {"subsystem": subsystem, "on_subsystem": document[0]}
                self.told.append({**self.with_paths(change), **names})

    def read(
        self, subsystem: str, kind: str, names: list[str], rows: list[Json], is_new: bool
    ) -> None:
        """What came with a checkout is the latest of each; its check-in makes it count.

        The first of a dependency counts at once: there is nothing that was seen before. What a
        repetition brings does not count: nobody knows which of the two answers is worked from.
        """
        latest = {name: self.of((name, kind)) for name in names}
        assert [row[kind] for row in rows] == [own[-1] for own in latest.values() if len(own) > 1]
        for name, own in latest.items():
            place = subsystem, (name, kind)
            if name == subsystem:
                continue
            known = self.seen.setdefault(place, len(own) - 1)
            if is_new:
                self.unseen.pop(place, None)
            if is_new and known != len(own) - 1:
                self.unseen[place] = len(own) - 1, self.work[subsystem].token

    def adopt(self, subsystem: str, token: int) -> None:
        """The work was redone on what the checkout with this token has read."""
        for (name, document), (version, by) in list(self.unseen.items()):
            if (name, by) == (subsystem, token):
                self.see(name, document, version)

    def see(self, subsystem: str, document: Document, version: int) -> None:
        """What was accepted of later versions holds as long as the work is made from the same."""
        if self.seen.get((subsystem, document)) != version:
            self.accepted.pop((subsystem, document), None)
        self.seen[subsystem, document] = version
        self.unseen.pop((subsystem, document), None)

    def stale(self, subsystem: str) -> list[Json]:
        """What system_status should say of it."""
        changes = [
            self.change(document, seen, self.accepted.get((name, document)))
            for (name, document), seen in sorted(self.seen.items())
            if name == subsystem
        ]
        return [change for change in changes if change]

    def change(self, document: Document, seen: int | None, accepted: int | None) -> Json | None:
        """What is new to who has seen this version; nothing that says what it saw, or accepted."""
        own = self.of(document)
        known = [version for version in (seen, accepted) if version is not None]
        if seen is None or len(own) - 1 in known or any(own[one] == own[-1] for one in known):
            return None
        return {
            "subsystem": document[0],
            "document": document[1],
            "seen_version": seen,
            "new_version": len(own) - 1,
        }

    def with_paths(self, change: Json) -> Json:
        """As the log and a refused check-in tell it."""
        own = self.of((change["subsystem"], change["document"]))
        return {**change, "changed_paths": difference(own[change["seen_version"]], own[-1])}

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
