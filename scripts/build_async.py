"""Make client/sharedstate/aio.py from client.py, so that both always have the same methods.

    python scripts/build_async.py           write aio.py
    python scripts/build_async.py --check   exit code 1 when aio.py is not what would be written
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "client" / "sharedstate"
SOURCE, TARGET = PACKAGE / "client.py", PACKAGE / "aio.py"

_RENAMES = (
    (r"\bSharedState\b", "AsyncSharedState"),
    (r"from supabase import Client\b", "from supabase import AsyncClient"),
    (r"-> Client\b", "-> AsyncClient"),
    (r"from sharedstate\.transport import Transport\b",
     "from sharedstate.transport_async import AsyncTransport"),
    (r"= Transport\(", "= AsyncTransport("),
    (r"\b__enter__\b", "__aenter__"),
    (r"\b__exit__\b", "__aexit__"),
    (r"Safe to share between threads\.", "Safe to share between the tasks of an event loop."),
)  # fmt: skip
_AWAITED = r"(?<!def )(self\._run\(|self\._transport\.(?:run|close)\(|self\.close\()"
_HEADER = '"""AsyncSharedState: SharedState with `await`.\n\n'
_NOTICE = "MADE FROM client.py by scripts/build_async.py: change that file and run the script.\n"
_ALIAS = """    async def aclose(self) -> None:
        \"\"\"The same as close, by the name that async libraries use.\"\"\"
        await self.close()

"""


def asynchronous(source: str) -> str:
    """The text of aio.py for the text of client.py."""
    text = source
    for pattern, replacement in _RENAMES:
        text = re.sub(pattern, replacement, text)
    _, separator, rest = text.partition('"""')[2].partition('"""')
    # A method starts at its `def` and ends where the next member of the class starts.
    members = re.split(r"(?m)^(?=    (?:def|@property|# ---))", rest)
    text = "".join(_member(member) for member in members)
    text = re.sub(r"(?m)^( +(?:>>>|\.\.\.) .*?)\bstate\.", r"\1await state.", text)
    return _HEADER + _NOTICE + separator + text


def _member(member: str) -> str:
    awaited, count = re.subn(_AWAITED, r"await \1", member)
    if not count and "def __aenter__" not in member:
        return member
    awaited = re.sub(r"^    def ", "    async def ", awaited)
    return awaited + (_ALIAS if "async def close(" in awaited else "")


def main(arguments: list[str]) -> int:
    """Write or check; the exit code."""
    wanted = asynchronous(SOURCE.read_text())
    if arguments == ["--check"]:
        same = TARGET.exists() and TARGET.read_text() == wanted
        print("aio.py is up to date" if same else "aio.py differs: run scripts/build_async.py")
        return 0 if same else 1
    if arguments:
        print(__doc__)
        return 2
    TARGET.write_text(wanted)
    print(f"wrote {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
