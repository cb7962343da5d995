-- The role that an exporter connects as: it sees how much there is and how old, of all workspaces, and no content. Run it
-- as `postgres`, once, and then give it a password: \password sharedstate_monitor
create role sharedstate_monitor login bypassrls connection limit 5;
alter role sharedstate_monitor set default_transaction_read_only = on;
alter role sharedstate_monitor set statement_timeout = '5s';

-- Statistics of the server, among them what the connections of others do.
grant pg_monitor to sharedstate_monitor;

grant usage on schema core to sharedstate_monitor;
grant select (name) on core.workspaces to sharedstate_monitor;
grant select (function_name, created_at) on core.requests to sharedstate_monitor;
grant select (workspace, last_token, last_granted_at, turn_ms) on core.fencing_counters to sharedstate_monitor;
grant select (workspace, created_at, alive_until, gives_up_at, refused) on core.lock_tickets to sharedstate_monitor;
grant select (workspace, locked_at, expires_at, provisional) on public.agent_locks to sharedstate_monitor;
grant select (workspace, severity, status, created_at) on public.conflicts to sharedstate_monitor;
