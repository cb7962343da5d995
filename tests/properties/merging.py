"""The model of documents: what they look like, how they are merged and compared."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]
ABSENT = object()
KEYS = st.sampled_from(["a", "b", "c/~d", ""])
LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.integers(0, 2), st.none(), st.lists(st.integers(0, 1), max_size=2)
)
DOCUMENTS = st.dictionaries(
    KEYS,
    st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=6),
    max_size=4,
)


def same(one: Any, other: Any) -> bool:
    """Equality as JSON has it: True is not 1."""
    if one is ABSENT or other is ABSENT:
        return one is other
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def merged(base: Any, theirs: Any, yours: Any, pointer: str = "") -> tuple[Any, list[str]]:
    """What the database should make of it, and the paths that cannot be merged."""
    if same(theirs, yours) or same(yours, base):
        return theirs, []
    if same(theirs, base):
        return yours, []
    sides = [{} if side is ABSENT and side is base else side for side in (base, theirs, yours)]
    if not all(isinstance(side, dict) for side in sides):
        return theirs, [pointer]
    document, paths = {}, []
    for key in sorted(sides[1].keys() | sides[2].keys()):
        one, two, three = (side.get(key, ABSENT) for side in sides)
        value, conflicts = merged(one, two, three, below_of(pointer, key))
        paths += conflicts
        if value is not ABSENT:
            document[key] = value
    return document, paths


def difference(old: Any, new: Any, pointer: str = "") -> list[str]:
    """The JSON pointers of the parts that differ, sorted."""
    if same(old, new):
        return []
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [pointer]
    paths = []
    for key in old.keys() | new.keys():
        one, other = old.get(key, ABSENT), new.get(key, ABSENT)
        paths += difference(one, other, below_of(pointer, key))
    return sorted(paths)


def below_of(pointer: str, key: str) -> str:
    """The JSON pointer of a key below another pointer."""
    return f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
