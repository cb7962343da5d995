"""A JSON configuration of a harness that holds entries of ours among those of others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sharedstate_agents.setup.errors import SetupError
from sharedstate_agents.setup.json_text import APPEND, Node, Path, insert, parse, remove

SERVER = "sharedstate"
_OUR_COMMAND = re.compile(r"(?:.*[/\"'])?sharedstate-hook[\"']?(?:\s.*)?", re.DOTALL)


@dataclass(frozen=True)
class JsonFile:
    """What of a file is ours.

    Attributes:
        name: relative to the project.
        server: the entry `sharedstate` under `mcpServers`. One over HTTP is its user's own.
        hooks: by event, elements of the lists under `hooks`. Ours are those that run our program.
        comments: whether the harness takes comments; to the others they are not JSON.
        new: members that a file of ours begins its life with; `hooks` stands before them.
    """

    name: str
    server: Mapping[str, Any] | None = None
    hooks: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    new: Mapping[str, Any] = field(default_factory=dict)
    comments: bool = False

    def faults(self, text: str | None) -> list[str]:
        """What is missing, differs, or is there without need."""
        root = self._parsed(text) if text is not None else Node(0, 0, {})
        found = []
        if self.server is not None and (stored := _server(root)) != self._server_with(stored):
            what = "differs" if stored is not None else "is missing"
            found.append(f"mcpServers.{SERVER} {what}")
        if self.hooks and (stored := _our_hooks(root)) != dict(self.hooks):
            for event in sorted({*stored, *self.hooks}):
                if stored.get(event) != self.hooks.get(event):
                    what = "differ" if event in stored else "are missing"
                    found.append(f"hooks.{event}: our entries {what}")
        return found

    def wanted(self, text: str | None) -> str:
        """The text with our entries; itself where they are there already."""
        if text is not None and not self.faults(text):
            return text
        rest = "" if text is None else self.without(text) or ""
        made = not rest
        if self.server is not None:
            rest = insert(rest, ("mcpServers", SERVER), self.server_in(text))
        for event, elements in self.hooks.items():
            for element in elements:
                rest = insert(rest, ("hooks", event, APPEND), element)
        for name, value in self.new.items() if made else ():
            rest = insert(rest, (name,), value)
        if self.faults(rest):
            raise SetupError("it cannot be edited: put our entries in by hand")
        return rest

    def without(self, text: str) -> str | None:
        """The text as it was without our entries; None for a file that holds nothing else."""
        root = self._parsed(text)
        if self.server is not None and (stored := _server(root)) is not None:
            if _is_over_http(stored):
                return text
            text = remove(text, ("mcpServers", SERVER))
        # From the end, so that the places of those before stay what they are.
        for path, _ in reversed(list(_our_elements(root) if self.hooks else ())):
            text = remove(text, path)
        # Only in a file that `wanted` made `hooks` stands before them, and goes altogether.
        made = ["hooks", *self.new]
        if self.new and _names(root) == made and _names(parse(text)) == made[1:]:
            return None
        return text or None

    def server_in(self, text: str | None) -> Mapping[str, Any]:
        """Our entry as it stands, or is to stand, in a file with this text."""
        return self._server_with(None if text is None else _server(self._parsed(text)))

    def _parsed(self, text: str) -> Node:
        return parse(text, comments=self.comments)

    def _server_with(self, stored: Any) -> dict[str, Any]:
        """Our entry with what its user added to it, such as `env`."""
        if _is_over_http(stored):
            return dict(stored)
        return {**(stored if isinstance(stored, Mapping) else {}), **(self.server or {})}


def _names(node: Node) -> list[str | int]:
    return [child.key for child in node.children]


def _server(root: Node) -> Any:
    servers = root.child("mcpServers")
    entry = servers.child(SERVER) if servers else None
    return entry.value if entry else None


def _is_over_http(server: Any) -> bool:
    return isinstance(server, Mapping) and not server.keys().isdisjoint(("url", "httpUrl"))


def _our_hooks(root: Node) -> dict[str, list[Any]]:
    """Our entries by event; of a group that has others too, only our handlers."""
    found: dict[str, list[Any]] = {}
    for path, value in _our_elements(root):
        found.setdefault(str(path[1]), []).append(value)
    return found


def _our_elements(root: Node) -> Iterator[tuple[Path, Any]]:
    """The elements under `hooks` that run our program and nothing else, in order, with paths."""
    hooks = root.child("hooks")
    return _ours_below(hooks, ("hooks",)) if hooks else iter(())


def _ours_below(node: Node, path: Path) -> Iterator[tuple[Path, Any]]:
    for child in node.children:
        here = (*path, child.key)
        if isinstance(child.key, int) and _is_ours(child.node.value):
            yield here, child.node.value
        else:
            yield from _ours_below(child.node, here)


def _is_ours(value: Any) -> bool:
    """Whether a handler, or each of a group of handlers, runs our program."""
    if not isinstance(value, Mapping):
        return False
    group = value.get("hooks")
    if isinstance(group, list):
        return bool(group) and all(map(_is_ours, group))
    command = value.get("command")
    return isinstance(command, str) and bool(_OUR_COMMAND.fullmatch(command.strip()))
