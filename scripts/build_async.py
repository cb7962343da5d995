"""Make AsyncSharedState and its methods from SharedState's, so that both always have the same.

python scripts/build_async.py           write what PAIRS names
python scripts/build_async.py --check   exit code 1 when one is not what would be written
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "client" / "sharedstate"
PAIRS = {
    "client.py": "aio.py",
    "locking/locks.py": "locking/locks_async.py",
    "feeds.py": "feeds_async.py",
    "reservations.py": "reservations_async.py",
    **{
        f"methods/{path.name}": f"methods_async/{path.name}"
        for path in sorted((PACKAGE / "methods").glob("*.py"))
    },
}

_RENAMES = (
    (r"\bSharedState\b", "AsyncSharedState"),
    (r"\b(\w+Methods)\b", r"Async\1"),
    (r"sharedstate\.(methods|locking\.locks|feeds|reservations)\b", r"sharedstate.\1_async"),
    (r">>> with state\.", ">>> async with state."),
    (r"\b(?<!threading\.)(R?Lock|LeaseSet)\b", r"Async\1"),
    (r"\bThreadBackground\b", "TaskBackground"),
    (r"from supabase import Client\b", "from supabase import AsyncClient"),
    (r"-> Client\b", "-> AsyncClient"),
    (r"from sharedstate\.http\.transport import Transport\b",
     "from sharedstate.http.transport_async import AsyncTransport"),
    (r"= Transport\(", "= AsyncTransport("),
    (r"\b__enter__\b", "__aenter__"),
    (r"\b__exit__\b", "__aexit__"),
    (r"__iter__\(self\) -> Self", "__aiter__(self) -> Self"),
    (r"\b__next__\b", "__anext__"),
    (r"raise StopIteration\b", "raise StopAsyncIteration"),
    (r"\bActivityFeed\b", "AsyncActivityFeed"),
    (r"\bBudgetReservation\b", "AsyncBudgetReservation"),
    (r"An iterator for one thread\.", "An iterator for one task."),
    (r"from whichever thread", "from whichever task"),
    (r"for entry in feed:", "async for entry in feed:"),
    (r"\bcontextmanager\b", "asynccontextmanager"),
    (r"import Iterator, Mapping", "import AsyncIterator, Mapping"),
    (r"lease that this thread acquired", "lease that this task acquired"),
    (r"\.\.\.     with leases:", "...     async with leases:"),
    (r"end of a `with` block", "end of an `async with` block"),
    (r"-> Iterator\[Draft\]", "-> AsyncIterator[Draft]"),
    (r"another thread than acquired", "another task than acquired"),
    (r"its owner, a thread,", "its owner, a task,"),
    (r"A thread that acquired", "A task that acquired"),
    (r"Threads may share it", "Tasks may share it"),
    # An async lock has its full time when it was acquired.
    (r"\n +Until its first renewal, half a second after it was acquired, its time is .*", ""),
    (r"each thread was granted", "each task was granted"),
    (r"the running thread", "the running task"),
    (r"Safe to share between threads\.", "Safe to share between the tasks of an event loop."),
)  # fmt: skip
_AWAITED = (
    r"(?<!def )((?:self|super\(\)|self\._state|self\._transport|self\._background)\."
    r"(?:run|_run|pause|_pause|close|stop|settle|acquire|release|release_lock|get_lock|_acquire"
    r"|_follow|_withdraw|_give|_lease|_is_held_by_anyone"
    r"|_fetch|update_subsystem_\w+|update_global_constraints|release_budget)\()"
)
# What is entered is not awaited.
_EXAMPLE = r"(?m)^( +(?:>>>|\.\.\.) .*?)\b(state|operator)\.(?!locks?\(|edit_|follow_)"
_NOTICE = """MADE FROM {source} by scripts/build_async.py: change that file, run the script."""
_ALIAS = """    async def aclose(self) -> None:
        \"\"\"The same as close, by the name that async libraries use.\"\"\"
        await self.close()

"""


def asynchronous(source_name: str) -> str:
    """The async twin's text of a module."""
    text = (PACKAGE / source_name).read_text()
    for pattern, replacement in _RENAMES:
        text = re.sub(pattern, replacement, text)
    _, quotes, rest = text.partition('"""')[2].partition('"""')
    # A method starts at its `def` and ends where the next member of the class starts.
    members = re.split(r"(?m)^(?=    (?:def|@property|# ---))", rest)
    text = "".join(_member(member) for member in members)
    text = re.sub(_EXAMPLE, r"\1await \2.", text)
    return quotes + _NOTICE.format(source=source_name) + quotes + text


def _member(member: str) -> str:
    awaited, count = re.subn(_AWAITED, r"await \1", member)
    if not count and not re.search(r"def (__aenter__|__aexit__|_run|_pause)\(", member):
        return member
    awaited = re.sub(r"^    def ", "    async def ", awaited)
    return awaited + (_ALIAS if "async def close(" in awaited else "")


def main(arguments: list[str]) -> int:
    """Write or check; the exit code."""
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    stale = 0
    for source, target in PAIRS.items():
        path, wanted = PACKAGE / target, asynchronous(source)
        if path.exists() and path.read_text() == wanted:
            continue
        if arguments:
            print(f"{target} differs: run python scripts/build_async.py")
            stale = 1
        else:
            path.write_text(wanted)
            print(f"{target} written")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
