"""A document of `export_state` in parts that fit into one request each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID, uuid5

from sharedstate import readers
from sharedstate.errors import InvalidArgument
from sharedstate.http.call import Call, RequestId, new_request_id
from sharedstate.http.encoding import check_size, encode_part
from sharedstate.types import ImportCount
from sharedstate_ops.importing.document import COUNTERS, FORMAT, HEAD, MAX_PART_ENTRIES, SECTIONS

MAX_PART_BYTES = 8 * 1024 * 1024 - 4096  # room for the envelope below 8 MB
_ALL = (*SECTIONS, COUNTERS)


def parts(
    document: Mapping[str, Any], request_id: RequestId
) -> Iterator[tuple[int, Call[list[ImportCount]]]]:
    """The calls that import the document, each with the number of entries it carries.

    Their request ids follow from `request_id`, so the same import can be sent again.
    """
    check(document)
    base = UUID(new_request_id(request_id))
    batch: list[tuple[str, bytes]] = []
    size = number = 0
    for section, encoded in _entries(document):
        if batch and (size + len(encoded) > MAX_PART_BYTES or len(batch) >= MAX_PART_ENTRIES):
            yield len(batch), _call(batch, uuid5(base, str(number)))
            batch, size, number = [], 0, number + 1
        batch.append((section, encoded))
        size += len(encoded) + 1
    yield len(batch), _call(batch, uuid5(base, str(number)))


def check(document: Any) -> None:
    """InvalidArgument when this is no document of ours, before any part of it is sent."""
    if not isinstance(document, Mapping):
        raise InvalidArgument.of("document", "is no JSON object")
    if document.get("format", FORMAT) != FORMAT:
        raise InvalidArgument.of("document.format", f"is not {FORMAT}")
    for name, section in document.items():
        if name not in (*_ALL, *HEAD):
            raise InvalidArgument.of(f"document.{name}", "is no section of an exchange document")
        if name in SECTIONS and not isinstance(section, list | tuple):
            raise InvalidArgument.of(f"document.{name}", "is no list")


def entry_count(document: Mapping[str, Any]) -> int:
    """How many entries an import will send."""
    return sum(len(document.get(name) or ()) for name in SECTIONS) + (COUNTERS in document)


def total(answers: Iterable[list[ImportCount]]) -> list[ImportCount]:
    """The counts of all parts, one row a section, in the order of the sections."""
    sums: dict[str, ImportCount] = {}
    for count in (row for answer in answers for row in answer):
        known = sums.setdefault(
            count["section"],
            {"section": count["section"], "imported": 0, "unchanged": 0, "refused": 0},
        )
        known["imported"] += count["imported"]
        known["unchanged"] += count["unchanged"]
        known["refused"] += count["refused"]
    order = {name: place for place, name in enumerate(_ALL)}
    return sorted(sums.values(), key=lambda row: order.get(row["section"], len(order)))


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    for section in SECTIONS:
        for index, entry in enumerate(document.get(section) or ()):
            yield section, encode_part(entry, f"document.{section}[{index}]", exact=True)
    if COUNTERS in document:
        yield COUNTERS, encode_part(document[COUNTERS], f"document.{COUNTERS}", exact=True)


def _call(batch: list[tuple[str, bytes]], request_id: UUID) -> Call[list[ImportCount]]:
    # Joined from the entries' own bytes: a document of 100,000 lines is encoded only once.
    sections: dict[str, list[bytes]] = {}
    for section, encoded in batch:
        sections.setdefault(section, []).append(encoded)
    members = [b'"format":"' + FORMAT.encode() + b'"']
    for section, entries in sections.items():
        joined = b",".join(entries)
        value = joined if section == COUNTERS else b"[" + joined + b"]"
        members.append(b'"' + section.encode() + b'":' + value)
    body = (
        b'{"document":{' + b",".join(members) + b'},"request_id":"%s"}' % str(request_id).encode()
    )
    check_size(len(body))
    return Call("POST", "rpc/import_state", readers.rows, body, str(request_id), 60.0)
