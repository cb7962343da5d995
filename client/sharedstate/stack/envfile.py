"""The `.env` file: written when there is none, kept up to date while it is ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values, set_key

from sharedstate.stack.core import StackInfo
from sharedstate.stack.keys import write_private

MARKER = (
    "# Written by `sharedstate up`, which keeps these four values current while this line stays."
)


@dataclass(frozen=True)
class EnvResult:
    """`written` says what was done (empty: nothing); `foreign` names values that are not ours."""

    written: str = ""
    foreign: tuple[str, ...] = ()


@dataclass(frozen=True)
class EnvFile:
    """One `.env` file."""

    path: Path

    def is_ours(self) -> bool:
        """Whether `sharedstate up` wrote it, and keeps it current."""
        return self.path.is_file() and MARKER in self.path.read_text().splitlines()

    def bring_up_to_date(self, values: dict[str, str]) -> EnvResult:
        """Write, update or leave the file, so that no line of anybody else is ever lost."""
        if not self.path.exists():
            lines = [MARKER, *(f"{name}={value}" for name, value in values.items())]
            write_private(self.path, "\n".join(lines) + "\n")
            return EnvResult(written="written")
        stored = dotenv_values(self.path, interpolate=False)
        changed = {name: value for name, value in values.items() if stored.get(name) != value}
        if not changed:
            return EnvResult()
        if not self.is_ours():
            return EnvResult(foreign=tuple(changed))
        for name, value in changed.items():
            set_key(self.path, name, value, quote_mode="never")
        self.path.chmod(0o600)
        return EnvResult(written=f"updated {', '.join(changed)} in")


def environment(info: StackInfo) -> dict[str, str]:
    """What programs need to reach a stack; SUPABASE_KEY is the agents' key."""
    return {
        "SUPABASE_URL": info.url,
        "SUPABASE_KEY": info.agent_key,
        "SUPABASE_SERVICE_ROLE_KEY": info.service_key,
        "DATABASE_URL": info.database_url,
    }
