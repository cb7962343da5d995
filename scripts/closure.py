"""Print for each RPC how many functions it runs through, over how many levels of calls.

Counted is `core.<rpc>` with everything in `sql/` that it may call, itself included; of a read that
has no such half, `public.<rpc>`. Postgres does not know what plpgsql bodies call, so they are read
as text. What a trigger does is not counted with the statement that fires it. `<rpc> ...` prints the
functions of these, level by level. `--check` prints only what passes a bound of BOUNDS, and calls
of functions that no file makes; it fails if there is any.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "sql"
COMMENT = re.compile(r"--.*")
FUNCTION = re.compile(r"create or replace function (\w+\.\w+)\(.*?\$\$(.*?)\$\$", re.DOTALL)
CALL = re.compile(r"\b(?:core|public)\.\w+(?=\()")

# The most functions and levels that a reader has to follow: the two RPCs that do most.
BOUNDS = {"acquire_lock": (30, 6), "update_subsystem_status": (45, 7)}

Calls = Mapping[str, frozenset[str]]


def read_calls(source: Path = SOURCE) -> Calls:
    """By function, what its body calls."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(source.rglob("*.sql")))
    bodies = FUNCTION.findall(COMMENT.sub("", text))
    return {name: frozenset(CALL.findall(body)) for name, body in bodies}


def levels(calls: Calls, start: str) -> dict[str, int]:
    """All functions that `start` reaches, with the longest way to each: 1 for `start` itself."""
    found: dict[str, int] = {}

    def visit(name: str, way: tuple[str, ...]) -> None:
        if name in way or name not in calls:
            return
        way = (*way, name)
        if found.get(name, 0) < len(way):
            found[name] = len(way)
            for called in calls[name]:
                visit(called, way)

    visit(start, ())
    return found


def rpcs(calls: Calls) -> dict[str, str]:
    """By name of an RPC, the function that is counted for it."""
    names = sorted(name.removeprefix("public.") for name in calls if name.startswith("public."))
    return {name: f"core.{name}" if f"core.{name}" in calls else f"public.{name}" for name in names}


def faults(calls: Calls) -> Iterator[str]:
    """What `--check` has to say."""
    for name, called in calls.items():
        for missing in sorted(called - calls.keys()):
            yield f"{name} calls {missing}, which no file makes"
    for name, (functions, depth) in BOUNDS.items():
        found = levels(calls, rpcs(calls)[name])
        if len(found) > functions or max(found.values()) > depth:
            yield (
                f"{name} runs through {len(found)} functions over {max(found.values())} levels, "
                f"at most {functions} over {depth} are allowed: see scripts/closure.py {name}"
            )


def main(arguments: list[str]) -> int:
    """Print the figures, or with `--check` the faults; 1 when there is any."""
    calls = read_calls()
    if arguments == ["--check"]:
        found = list(faults(calls))
        print("\n".join(found), end="\n" if found else "")
        return 1 if found else 0
    for name, start in rpcs(calls).items():
        if arguments and name not in arguments:
            continue
        reached = levels(calls, start)
        print(f"{len(reached):4} functions {max(reached.values()):3} levels  {name}")
        for function, level in sorted(reached.items(), key=lambda item: item[::-1]):
            if arguments:
                print("    " * level + function)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
