-- sharedstate: all of its objects live in two schemas. `public` is the API, `core` is the rest.
--
-- Lock order, the same in every function, so that no two of them can deadlock:
--   request id (advisory) -> allocations (advisory, core.lock_shared_budget) -> workspace row, which stands for the
--   constraints -> resource by resource, sorted: its fencing counter (advisory, then the row), then its lease
--   -> ticket -> subsystem rows, by name -> budget reservations -> conflict counter -> conflict rows
--   -> publications (core.lock_publications), by place
-- A function takes only some of them, but never one that stands before what it holds already. Rows of the
-- activity log, of requests and of dependencies come last: the first two nobody waits for, and dependencies
-- are written in one order, by subsystem, document and the subsystem that is depended on.
--
-- Budgets: who writes a status holds the subsystem's row and reads the constraints after that; who changes
-- an allocation holds the workspace's row, then the rows of all subsystems whose allocation changes. Under
-- READ COMMITTED each statement sees what was committed before it, so each of the two sees the other's
-- outcome. A subsystem that is about to be made has no row to hold: core.announce_subsystem. Who writes a
-- status that changes the use of what is not allocated holds the workspace's row too, and only because of that
-- may lock other subsystems' rows after its own, out of their order: core.lock_shared_budget.

-- core holds everything that is not for callers: helper functions, bookkeeping tables and the
-- security-definer half of every RPC. PostgREST exposes `public` alone.
create schema core;
comment on schema core is 'Private half of sharedstate: never exposed by PostgREST.';
revoke all on schema core from public;

-- Nothing is callable unless 90_grants.sql says so. Revoking from PUBLIC works only in this global
-- form; Supabase's images also grant every new object in `public` to the API roles by default.
alter default privileges revoke execute on functions from public;
alter default privileges in schema public revoke all on functions from anon, authenticated, service_role;
alter default privileges in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public revoke all on sequences from anon, authenticated, service_role;
