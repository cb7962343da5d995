"""Merging documents over HTTP, against a merge written in Python, and against its own laws."""

from __future__ import annotations

import copy
import itertools
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.properties.merging import (
    ABSENT,
    DOCUMENTS,
    KEYS,
    LONG_DOCUMENTS,
    Json,
    in_doubles,
    merged,
    same,
)
from tests.sql.support import Api

from sharedstate.errors import StaleVersion

MANY = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_numbers = itertools.count()


def publish(api: Api, subsystem: str, content: Json, base_version: int | None) -> Json | list[str]:
    """The document that is there now, or the paths of the refusal."""
    status, answer = api.call(
        "update_subsystem_design",
        subsystem=subsystem,
        design_data=content,
        created_by="agent",
        base_version=base_version,
    )
    if status == 200:
        document: Json = answer["design_data"]
        return document
    assert answer["message"] == StaleVersion.slug, answer
    paths: list[str] = json.loads(answer["details"])["paths"]
    return paths


def fresh() -> str:
    """The name of a subsystem that no example has used yet."""
    return f"part-{next(_numbers)}"


@MANY
@given(base=DOCUMENTS, theirs=DOCUMENTS, yours=DOCUMENTS)
def test_the_database_merges_as_a_small_model_does(
    api: Api, base: Json, theirs: Json, yours: Json
) -> None:
    subsystem = fresh()
    publish(api, subsystem, base, None)
    publish(api, subsystem, theirs, None)
    document, paths = merged(base, theirs, yours)
    answer = publish(api, subsystem, yours, 1)
    assert (sorted(answer) if paths else answer) == (sorted(paths) if paths else document)


def publish_exactly(api: Api, subsystem: str, content: Json, base_version: int | None) -> Json:
    """The document that is there now, with all digits of its numbers."""
    row = api.do_exactly(
        "update_subsystem_design",
        subsystem=subsystem,
        design_data=content,
        created_by="agent",
        base_version=base_version,
    )
    document: Json = row["design_data"]
    return document


@MANY
@given(
    base=LONG_DOCUMENTS,
    theirs=st.dictionaries(KEYS, LONG_DOCUMENTS, max_size=2),
    yours=st.dictionaries(KEYS, st.sampled_from(["text", {"x": "y"}]), max_size=2),
    integers_too=st.booleans(),
)
def test_a_client_that_reads_numbers_as_doubles_changes_only_what_it_edits(
    api: Api, base: Json, theirs: Json, yours: Json, integers_too: bool
) -> None:
    """Whether it started from the latest version, or others edited other parts meanwhile."""
    theirs = {key: value for key, value in theirs.items() if key not in yours}
    subsystem = fresh()
    publish_exactly(api, subsystem, base, None)
    if theirs:
        publish_exactly(api, subsystem, {**base, **theirs}, None)
    answer = publish_exactly(api, subsystem, {**in_doubles(base, integers_too), **yours}, 1)
    assert answer == {**base, **theirs, **yours}


EDITS = st.dictionaries(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), st.integers(10, 12), max_size=8
)


@MANY
@given(
    base=st.dictionaries(
        st.sampled_from("abcd"), st.dictionaries(st.sampled_from("xyz"), st.integers(0, 2))
    ),
    edits=EDITS,
    split=st.integers(0, 2**12),
)
def test_edits_of_different_parts_give_the_same_document_in_any_order(
    api: Api, base: dict[str, Json], edits: dict[tuple[str, str], int], split: int
) -> None:
    """Each of three writers starts from the same version and edits parts of its own."""
    writers: list[dict[tuple[str, str], int]] = [{}, {}, {}]
    for number, (path, value) in enumerate(sorted(edits.items())):
        writers[split // 3**number % 3][path] = value
    everything = edited(base, edits)
    for order in (writers, writers[::-1]):
        subsystem = fresh()
        latest: Any = publish(api, subsystem, base, None)
        for edit in order:
            latest = publish(api, subsystem, edited(base, edit), 1)
        assert latest == everything


def edited(base: dict[str, Json], edit: dict[tuple[str, str], int]) -> dict[str, Json]:
    """The document with these parts replaced."""
    document = copy.deepcopy(base)
    for (key, inner), value in edit.items():
        document.setdefault(key, {})[inner] = value
    return document


@MANY
@given(old=DOCUMENTS, new=DOCUMENTS)
def test_a_difference_leads_from_one_version_to_the_other(api: Api, old: Json, new: Json) -> None:
    subsystem = fresh()
    publish(api, subsystem, old, None)
    publish(api, subsystem, new, None)
    document = copy.deepcopy(old)
    for change in api.do(
        "diff_documents", subsystem=subsystem, document="design", from_version=1, to_version=2
    ):
        *parents, last = [
            part.replace("~1", "/").replace("~0", "~") for part in change["path"].split("/")[1:]
        ]
        node = document
        for part in parents:
            node = node[part]
        assert same(
            node.get(last, ABSENT), ABSENT if change["change"] == "added" else change["old"]
        )
        if change["change"] == "removed":
            del node[last]
        else:
            node[last] = change["new"]
    assert document == new
