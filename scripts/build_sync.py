"""Writes client/sharedstate/_sync/ from client/sharedstate/_async/, by unasync.

python scripts/build_sync.py            write it
python scripts/build_sync.py --check    fail when it differs
"""

from __future__ import annotations

import filecmp
import subprocess
import sys
import tempfile
from pathlib import Path

import unasync

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "client" / "sharedstate"
RENAMED = {
    "_async": "_sync",
    "_http_async": "_http",
    "AbstractAsyncContextManager": "AbstractContextManager",
    # Of each pair in _running.py, the other one.
    "current_task": "current_thread",
    "settle_task": "settle_thread",
    "join_from_task": "join_from_thread",
    "tell_in_task": "tell_in_thread",
    # Of supabase-py and postgrest-py.
    "AsyncSelectRequestBuilder": "SyncSelectRequestBuilder",
}
OURS = (
    *("SharedState", "Client", "ClientOptions", "HttpClient", "Closing", "Methods"),
    *("LockMethods", "StatusMethods", "BudgetMethods", "DocumentMethods", "ConflictMethods"),
    *("ActivityMethods", "StepMethods", "OperationMethods"),
    *("Lock", "LeaseSet", "LockRequest", "ActivityFeed", "BudgetReservation"),
)
RENAMED |= {f"Async{name}": name for name in OURS}
# The code of examples in docstrings, which unasync takes for text.
EXAMPLES = {"await ": "", "async with ": "with ", "async for ": "for ", "AsyncShared": "Shared"}


def build(folder: Path) -> None:
    """Write the sync modules to `folder`."""
    sources = sorted((PACKAGE / "_async").glob("*.py"))
    rule = unasync.Rule(f"{PACKAGE}/_async/", f"{folder}/", RENAMED)
    unasync.unasync_files([str(source) for source in sources], [rule])
    for made in folder.glob("*.py"):
        lines = made.read_text().splitlines(keepends=True)
        made.write_text("".join(map(_example, lines)))
    for command in (["check", "--select", "I", "--fix"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet"]
        subprocess.run([*ruff, "--config", "pyproject.toml", folder], cwd=ROOT, check=True)


def _example(line: str) -> str:
    if line.lstrip().startswith((">>> ", "... ")):
        for old, new in EXAMPLES.items():
            line = line.replace(old, new)
    return line


def main() -> None:
    """Write them, or compare."""
    if sys.argv[1:] != ["--check"]:
        build(PACKAGE / "_sync")
        return
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        names = [path.name for path in Path(folder).glob("*.py")]
        _, differing, missing = filecmp.cmpfiles(folder, PACKAGE / "_sync", names, shallow=False)
        extra = {path.name for path in (PACKAGE / "_sync").glob("*.py")} - set(names)
    if wrong := sorted({*differing, *missing, *extra}):
        sys.exit(f"not what scripts/build_sync.py makes of _async/: {', '.join(wrong)}. Run it.")


if __name__ == "__main__":
    main()
