"""Parts of a document by JSON pointer (RFC 6901), such as "/bones/femur/length_m"."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from sharedstate.errors import InvalidArgument

_APPEND = "-"


def steps_of(pointer: str) -> list[str]:
    """The keys of a pointer; none for "", the whole document."""
    if pointer and not pointer.startswith("/"):
        hint = 'Pointers begin with a slash, like "/bones/femur/length_m"; "" is the whole.'
        raise InvalidArgument.of("pointer", "does not begin with /", value=pointer, hint=hint)
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def part_of(document: Any, pointer: str) -> Any:
    """What a pointer names. InvalidArgument when there is nothing, with what there is instead."""
    here, path = document, ""
    for step in steps_of(pointer):
        if isinstance(here, dict) and step in here:
            here = here[step]
        elif isinstance(here, list) and step.isdecimal() and int(step) < len(here):
            here = here[int(step)]
        else:
            raise _nothing_at(pointer, here, path)
        path += f"/{step}"
    return here


def changed(
    document: Mapping[str, Any], to_set: Mapping[str, Any], to_remove: Iterable[str]
) -> dict[str, Any]:
    """A copy without the removed parts and then with the set ones; objects on the way are made.

    A number names an element of a list, "-" the place behind its last. InvalidArgument for a
    pointer that leads nowhere.
    """
    whole: dict[str, Any] = {"": copy.deepcopy(dict(document))}
    for pointer in to_remove:
        *way, last = ["", *steps_of(pointer)]
        if not way:
            raise InvalidArgument.of("remove", "is the whole document", hint='Set "" to {}.')
        parent = part_of(whole[""], pointer.rpartition("/")[0])
        part_of(whole[""], pointer)
        del parent[int(last) if isinstance(parent, list) else last]
    for pointer, value in to_set.items():
        _put(whole, pointer, value)
    if not isinstance(whole[""], dict):
        raise InvalidArgument.of("set", "would make the document no object", hint="Set an object.")
    return whole[""]


def _put(whole: dict[str, Any], pointer: str, value: Any) -> None:
    here: Any = whole
    *way, last = ["", *steps_of(pointer)]
    for depth, step in enumerate(way):
        if isinstance(here, dict):
            here = here.setdefault(step, {})
        elif isinstance(here, list) and step.isdecimal() and int(step) < len(here):
            here = here[int(step)]
        else:
            raise _nothing_at(pointer, here, "/".join(way[:depth]))
    if isinstance(here, dict):
        here[last] = value
    elif isinstance(here, list) and last == _APPEND:
        here.append(value)
    elif isinstance(here, list) and last.isdecimal() and int(last) < len(here):
        here[int(last)] = value
    else:
        raise _nothing_at(pointer, here, "/".join(way))


def _nothing_at(pointer: str, here: Any, path: str) -> InvalidArgument:
    if isinstance(here, dict):
        names = ", ".join(key[:40] for key in list(here)[:20])
        there = f"has the keys {names}" if names else "is empty"
    elif isinstance(here, list):
        there = f"is a list of {len(here)}"
    else:
        there = f"is {str(here)[:40]!r}"
    hint = f'"{path[:200]}" {there}. read_document shows the document.'
    return InvalidArgument.of("pointer", f"{pointer[:200]} leads nowhere", hint=hint)
