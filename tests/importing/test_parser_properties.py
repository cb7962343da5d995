"""Whatever lies in the files: no exception, no silent loss, and nothing Postgres would refuse."""

from __future__ import annotations

import json
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharedstate_ops.importing import SourceError
from sharedstate_ops.importing.exact_json import JsonError, encode, parse
from sharedstate_ops.importing.legacy import read_design
from sharedstate_ops.importing.reading import Reading

from .conftest import document_of

REFERENCE = Path(__file__).resolve().parents[1] / "fixtures" / "legacy"
FILES = sorted(str(p.relative_to(REFERENCE)) for p in REFERENCE.rglob("*") if p.is_file())

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


def read_with(file: str, content: bytes) -> Reading | None:
    """The reading of a design that has this one file; None when it is no design at all."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        try:
            return read_design(Path(folder))
        except SourceError:
            return None


def judge(reading: Reading | None) -> None:
    if reading is None:
        return
    for problem in reading.problems:
        assert problem.place.file
        assert problem.reason
        assert problem.place.line is None or problem.place.line >= 1
        assert str(problem).startswith(problem.place.file)
        assert str(problem.place).isprintable()
    document = document_of(reading)
    assert parse(encode(document).encode()) == document


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FILES), st.binary(max_size=80))
def test_any_bytes_in_any_file_are_read_or_reported(file: str, content: bytes) -> None:
    judge(read_with(file, content))


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file of the reference design with a part cut out or replaced."""
    file = draw(st.sampled_from(FILES))
    content = (REFERENCE / file).read_bytes()
    start = draw(st.integers(0, len(content)))
    length = draw(st.integers(0, 30))
    patches = [b"", b"NaN", b'"', b"{", b"}", b"[", b",", b"-1", b"null", b"\n", b"\\u0000"]
    patch = draw(st.sampled_from(patches) | st.binary(max_size=4))
    return file, content[:start] + patch + content[start + length :]


@settings(max_examples=300, deadline=None)
@given(damaged())
def test_a_damaged_reference_file_is_read_or_reported(case: tuple[str, bytes]) -> None:
    judge(read_with(*case))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(FILES), st.dictionaries(st.text(max_size=8), VALUES, max_size=4), st.data())
def test_any_value_in_any_known_field_is_read_or_reported(
    file: str, extra: dict[str, Any], data: st.DataObject
) -> None:
    text = (REFERENCE / file).read_text()
    original = json.loads(text.splitlines()[0] if file.endswith(".jsonl") else text)
    key = data.draw(st.sampled_from(sorted(original)))
    broken = {**original, **extra, key: data.draw(VALUES)}
    judge(read_with(file, json.dumps(broken).encode()))


LINES = st.sampled_from(
    [
        b'{"agent": "a", "activity": "x"}',
        b'{"agent": "a", "activity": ',
        b'{"agent": "a", "activity": "x", "details": {"n": Infinity}}',
        b"[]",
        b"\xff\xfe",
        b"",
    ]
) | st.binary(max_size=20).map(lambda raw: raw.replace(b"\n", b""))


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=8))
def test_no_log_line_is_lost_in_silence(lines: list[bytes]) -> None:
    reading = read_with("shared_state/logs/2025-11-30.jsonl", b"\n".join(lines))
    judge(reading)
    if reading is None:
        return
    spoken_for = {entry.place.line for entry in reading.entries}
    spoken_for |= {problem.place.line or 0 for problem in reading.problems}
    for number, line in enumerate(lines, 1):
        visible = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        assert not visible.strip(b" \t\r\n") or number in spoken_for


@settings(max_examples=200, deadline=None)
@given(VALUES, st.sampled_from([None, 0, 2]))
def test_reading_agrees_with_pythons_own_reader(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent).encode()
    try:
        found = parse(text)
    except JsonError as error:
        assert error.reason.startswith("holds ")
    else:
        assert found == json.loads(text)
        assert parse(encode(found).encode()) == found


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='{}[]",:0123456789eE+-.truefalsnNI\\u \n', max_size=40))
def test_text_that_python_refuses_is_refused_too(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(JsonError) as error:
            parse(text.encode())
        assert 1 <= (error.value.line or 1) <= text.count("\n") + 1
        return
    try:
        found = parse(text.encode())
    except JsonError as refused:
        assert refused.reason.startswith("holds ")
    else:
        assert found == expected or isinstance(found, Decimal)


@settings(max_examples=200, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=20))
def test_decimals_survive_reading_and_writing(number: Decimal) -> None:
    text = f'{{"n":{number:f}}}'.encode()
    assert Decimal(str(parse(encode(parse(text)).encode())["n"])) == number
