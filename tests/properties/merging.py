"""The model of documents: what they look like, how they are merged and compared."""

from __future__ import annotations

import json
from decimal import Decimal
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
# Numbers that no double holds, within the range of doubles.
LONG_NUMBERS = st.one_of(
    st.integers(10**15, 10**25),
    st.builds(
        lambda digits, exponent, sign: Decimal(f"{sign}{digits}e{exponent}"),
        st.integers(10**16, 10**30),
        st.integers(-322, 275),
        st.sampled_from(["", "-"]),
    ),
    st.sampled_from([2**53 + 1, Decimal("1.00000000000000000000001e23"), Decimal("0.1")]),
)
LONG_DOCUMENTS = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES | LONG_NUMBERS | st.lists(LONG_NUMBERS, max_size=2),
        lambda inner: st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


def in_doubles(value: Any, integers_too: bool = True) -> Any:
    """A document as a client has it that reads numbers as doubles; many keep whole ones exact."""
    if isinstance(value, dict):
        return {key: in_doubles(inner, integers_too) for key, inner in value.items()}
    if isinstance(value, list):
        return [in_doubles(inner, integers_too) for inner in value]
    is_read = isinstance(value, Decimal) or (isinstance(value, int) and integers_too)
    return float(value) if is_read else value


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
