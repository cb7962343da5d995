"""Deliberate faults in the lock functions, and the tests that have to notice each."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

QUEUE = (
    "tests/sql/test_lock_queue.py",
    "tests/sql/test_lock_asking.py",
    "tests/sql/test_provisional_grants.py",
)
REQUESTS = "tests/sql/test_lock_requests.py"
SETS = "tests/sql/test_lock_sets.py"
WAITS = "tests/sql/test_lock_waits.py"
DEADLOCKS = "tests/sql/test_deadlocks.py"
LOCKS = "tests/sql/test_locks.py"
STATUS = "tests/sql/test_status.py"
LOCK_STEPS = "tests/concurrency/test_lock_interleavings.py"
STEPS = (LOCK_STEPS, "tests/concurrency/test_write_interleavings.py")
ENDS = "tests/sql/test_release_execution.py"
END_RACES = "tests/concurrency/test_release_execution.py"
CHAOS = "tests/chaos/test_chaos.py"


@dataclass(frozen=True)
class Mutant:
    """Every `old` in `file` (of sql/) becomes `new`; `tests` are pytest's names of tests."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def migrations(self, folder: Path) -> Path:
        """A folder of migrations that are made from the changed sources."""
        for part in ("sql", "scripts", "supabase/migrations"):
            shutil.copytree(ROOT / part, folder / part)
        changed = folder / "sql" / self.file
        text = changed.read_text(encoding="utf-8")
        if self.old not in text:
            raise ValueError(f"{self.name}: {self.file} does not say {self.old!r} any more")
        changed.write_text(text.replace(self.old, self.new), encoding="utf-8")
        build = folder / "scripts" / "build_migration.py"
        subprocess.run([sys.executable, str(build)], check=True, timeout=60)
        return folder / "supabase" / "migrations"


MUTANTS = (
    Mutant(
        "steal by plain UPDATE: the lease is not locked for a grant",
        "30_locks/leases.sql",
        "\n    for update;",
        ";",
        STEPS,
    ),
    Mutant(
        "two grants side by side: the counter is not locked",
        "30_locks/fencing_counters.sql",
        "\n  for update skip locked;",
        ";",
        (*STEPS, "tests/concurrency/test_lease_races.py"),
    ),
    Mutant(
        "whoever asks for a lock waits for a writer as long as that takes",
        "30_locks/fencing_counters.sql",
        "lock_timeout = '1s'",
        "lock_timeout = '30s'",
        STEPS,
    ),
    Mutant(
        "token not compared by a write",
        "30_locks/guard_write.sql",
        "else v_lease.fencing_token = p_fencing_token",
        "else true",
        (
            f"{CHAOS}::test_holders_that_are_stopped_beyond_their_lease_cannot_write_when_they_go_on",
            STATUS,  # for when each of the stopped holders had written already
        ),
    ),
    Mutant(
        "token not compared by a renewal",
        "30_locks/renew_lock.sql",
        "and l.fencing_token = p_fencing_token and",
        "and",
        (LOCKS,),
    ),
    Mutant(
        "a renewal revives a lease that has lapsed",
        "30_locks/renew_lock.sql",
        "\n    and l.expires_at > clock_timestamp()\n  returning",
        "\n  returning",
        (LOCKS,),
    ),
    Mutant(
        "now() for clock_timestamp() in the check of a write",
        "30_locks/guard_write.sql",
        "clock_timestamp()",
        "now()",
        QUEUE,
    ),
    Mutant(
        "now() for clock_timestamp() in the look at a held lock",
        "30_locks/leases.sql",
        "l.expires_at > clock_timestamp();\n    if found",
        "l.expires_at > now();\n    if found",
        QUEUE,
    ),
    Mutant(
        "hand-over skips the queue: the last in line is first",
        "30_locks/queue.sql",
        "order by r.queue_key, r.ticket_id",
        "order by r.queue_key desc, r.ticket_id desc",
        QUEUE,
    ),
    Mutant(
        "newcomers and the impatient overtake",
        "30_locks/leases.sql",
        "core.first_in_line(p_ticket.workspace, v_resource) is distinct from p_ticket.ticket_id",
        "false",
        (f"{CHAOS}::test_in_quiet_times_all_promises_hold_and_nothing_is_unknown", *QUEUE),
    ),
    Mutant(
        "priority does not age",
        "30_locks/queue.sql",
        "interval '30 seconds'",
        "interval '30 hours'",
        QUEUE,
    ),
    Mutant(
        "provisional grant never lapses before the full time",
        "30_locks/leases.sql",
        "least(p_ticket.ttl_seconds, 10)",
        "p_ticket.ttl_seconds",
        QUEUE,
    ),
    Mutant(
        "a grant at once lasts its full time before it is confirmed",
        "30_locks/leases.sql",
        "p_ticket.gives_up_at is not null;",
        "p_ticket.ticket_id is not null;",
        QUEUE,
    ),
    Mutant(
        "a lapsed lease is not free",
        "30_locks/leases.sql",
        "if v_lease.expires_at > clock_timestamp()",
        "if v_lease.expires_at is not null",
        QUEUE,
    ),
    Mutant(
        "request id ignored",
        "10_access/requests.sql",
        "if p_request_id is null then",
        "if true then",
        ("tests/sql/test_requests.py",),
    ),
    Mutant(
        "request id not kept by a hand-over",
        "30_locks/leases.sql",
        "if p_ticket.ticket_id is not null then\n    -- The request is answered now",
        "if false then\n    -- The request is answered now",
        (REQUESTS,),
    ),
    Mutant(
        "drain missing on delete",
        "30_locks/hand_over.sql",
        "perform core.grant_leases(v_ticket, null);",
        "",
        QUEUE,
    ),
    Mutant(
        "drain missing on expiry",
        "30_locks/waiters.sql",
        "elsif v_look.place = 1 then",
        "elsif false then",
        QUEUE,
    ),
    Mutant(
        "a hand-over waits for another lease that has lapsed",
        "30_locks/hand_over.sql",
        "for update skip locked;\n    if not found and exists",
        "for update;\n    if not found and exists",
        STEPS,
    ),
    Mutant(
        "a hand-over waits for the ticket of the next in line",
        "30_locks/hand_over.sql",
        "v_ticket_id for update skip locked;",
        "v_ticket_id for update;",
        (LOCK_STEPS,),
    ),
    Mutant(
        "a release that found nothing is not remembered",
        "30_locks/release_lock.sql",
        "perform core.remember_request(v_request, '[]');",
        "",
        ("tests/sql/test_requests.py",),
    ),
    Mutant(
        "a dead waiter keeps its turn",
        "30_locks/tables.sql",
        "t.alive_until > clock_timestamp()",
        "true",
        QUEUE,
    ),
    Mutant(
        "who is told to ask late is dead before it asks",
        "30_locks/waiters.sql",
        "(3 * v_retry_ms + 3000)",
        "1000",
        QUEUE,
    ),
    Mutant(
        "all waiters ask as often as the first in line",
        "30_locks/waiters.sql",
        "+ 0.8 * (p_position - 1) * v_turn_ms",
        "",
        QUEUE,
    ),
    Mutant(
        "a member of a deadlock may ask too late to find it",
        "30_locks/waiters.sql",
        "v_retry_ms := least(v_retry_ms, 1500);",
        "",
        QUEUE,
    ),
    Mutant(
        "unsorted multi-lock",
        "30_locks/leases.sql",
        "foreach v_resource in array v_resources loop\n    if not core.lock_fencing_counter",
        "for v_resource in select r.* from unnest(v_resources) as r order by random() loop\n"
        "    if not core.lock_fencing_counter",
        (f"{LOCK_STEPS}::test_a_set_is_locked_in_one_order_whatever_order_it_is_named_in",),
    ),
    Mutant(
        "a set takes what it can get",
        "30_locks/leases.sql",
        """p_ticket.ticket_id then
      return null;""",
        """p_ticket.ticket_id then
      continue;""",
        (SETS,),
    ),
    Mutant(
        "of a set that lost a lock the rest is answered as granted",
        "30_locks/leases.sql",
        "is not null\n",
        "is not null and false\n",
        (SETS,),
    ),
    Mutant(
        "a release waits for whoever holds a counter that the next in line needs",
        "30_locks/hand_over.sql",
        "for update skip locked;\n    if not found then",
        "for update;\n    if not found then",
        STEPS,
    ),
    Mutant(
        "only very long waits are logged",
        "30_locks/log_lock_wait.sql",
        "interval '1 second'",
        "interval '1 hour'",
        (WAITS,),
    ),
    Mutant(
        "waits of clients that died are logged",
        "30_locks/log_lock_wait.sql",
        "clock_timestamp() - interval '60 seconds'",
        "'-infinity'",
        (WAITS,),
    ),
    Mutant(
        "cancelling does not wait for the acquire call",
        "30_locks/cancel_lock_request.sql",
        "perform core.lock_request(v_workspace, p_request_id);",
        "",
        STEPS,
    ),
    Mutant(
        "cancelling keeps what was won in the race",
        "30_locks/cancel_lock_request.sql",
        "and l.locked_by = coalesce(core.claimed_agent(), l.locked_by)",
        "and false",
        (REQUESTS,),
    ),
    Mutant(
        "cancelling does not answer a late acquire call",
        "30_locks/cancel_lock_request.sql",
        "values (v_workspace, p_request_id, 'acquire_locks', to_jsonb(v_has_ended))",
        "select v_workspace, p_request_id, 'acquire_locks', 'false'::jsonb where false",
        (REQUESTS,),
    ),
    Mutant(
        "a deadlock is not looked for once the wait has begun",
        "30_locks/waiters.sql",
        "core.refuse_deadlock(v_ticket, false)",
        "false",
        (DEADLOCKS,),
    ),
    Mutant(
        "a deadlock is not looked for when a wait begins",
        "30_locks/queue.sql",
        "core.refuse_deadlock(v_ticket, true)",
        "false",
        (DEADLOCKS,),
    ),
    Mutant(
        "in a deadlock all agents of an execution count as one",
        "30_locks/deadlocks.sql",
        " and t.agent_name = h.locked_by",
        "",
        (DEADLOCKS,),
    ),
    Mutant(
        "a wait for what one holds oneself counts in a deadlock",
        "30_locks/deadlocks.sql",
        "is distinct from (p_ticket.execution_id, p_ticket.agent_name);",
        "is distinct from (null, p_ticket.agent_name);",
        (DEADLOCKS,),
    ),
    Mutant(
        "in a deadlock the oldest wait loses",
        "30_locks/deadlocks.sql",
        "select max((e.value",
        "select min((e.value",
        (DEADLOCKS,),
    ),
    Mutant(
        "the end of an execution leaves its waits unanswered",
        "80_operations/release_execution.sql",
        "'[]' from gone as g",
        "'[]' from gone as g where false",
        (ENDS,),
    ),
    Mutant(
        "the end of an execution takes the oldest ticket first",
        "80_operations/release_execution.sql",
        "order by t.ticket_id desc",
        "order by t.ticket_id",
        (END_RACES,),
    ),
    Mutant(
        "the end of an execution does not wait for its acquire calls",
        "80_operations/release_execution.sql",
        "core.lock_request(v_workspace, w.request_id)",
        "w.request_id",
        (END_RACES,),
    ),
    Mutant(
        "the end of an execution forgets what it is given meanwhile",
        "80_operations/release_execution.sql",
        "    returning l as lease",
        "      and not l.provisional\n    returning l as lease",
        (END_RACES,),
    ),
)


def named(words: str) -> list[Mutant]:
    """The mutants in whose names these words occur; all of them for no words."""
    return [mutant for mutant in MUTANTS if re.search(re.escape(words), mutant.name)]
