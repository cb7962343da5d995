-- sharedstate: all of its objects live in two schemas. `public` is the API, `core` is the rest.
--
-- Lock order, the same in every function, so that no two of them can deadlock:
--    1. request id (advisory)
--    2. allocations (advisory, core.lock_shared_budget)
--    3. the workspace's row, under which versions of the constraints are given
--    4. resource by resource, by type and name: its fencing counter (advisory, then the row), then its lease
--    5. tickets, the newest first
--    6. subsystem rows, by name
--    7. budget reservations
--    8. conflict counter
--    9. conflict rows
--   10. publications (core.lock_publications), by place
--   11. dependencies, by subsystem, document and the subsystem that is depended on
-- A function takes only some of them, and never an earlier one after a later one. Nobody waits for new rows of the
-- activity log and of requests, so these may be written at any time. There are three exceptions:
-- - Who holds the workspace's row may lock further subsystem rows out of their order: all who lock several hold it.
-- - resolve_conflict moves budget, and so locks reservations, after it has locked the conflict. It holds the rows of
--   both subsystems by then. Who locks reservations without such a row (release_budget,
--   release_execution) waits for nothing after that.
-- - When a lease ends, core.hand_over locks counters, other leases and tickets after it. It skips what it would have to
--   wait for.
--
-- Budgets: a status locks its subsystem's row first, and reads the constraints after that. A change of budgets locks
-- the workspace's row, then the rows of all subsystems whose budget changes. Under READ COMMITTED each statement sees
-- what was committed before it. So the later of the two sees what the earlier one did. A subsystem that does not
-- exist yet has no row to lock: see core.lock_absent_subsystem. A status that changes how much is used of the shared
-- budget locks the workspace's row too: see core.lock_shared_budget.

-- core contains all that callers may not use: helper functions, bookkeeping tables, and the security-definer half of
-- each RPC. PostgREST exposes `public` alone.
create schema core;
comment on schema core is 'Private half of sharedstate: never exposed by PostgREST.';
revoke all on schema core from public;

-- Nothing is callable unless 90_grants.sql says so. Revoking from PUBLIC works only in this global
-- form; Supabase's images also grant every new object in `public` to the API roles by default.
alter default privileges revoke execute on functions from public;
alter default privileges in schema public revoke all on functions from anon, authenticated, service_role;
alter default privileges in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public revoke all on sequences from anon, authenticated, service_role;
