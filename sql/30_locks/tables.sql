create table public.agent_locks (
  workspace text not null,
  resource_type text not null,
  resource_name text not null,
  locked_by text not null,
  execution_id text not null,
  locked_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  ttl_seconds integer not null check (ttl_seconds between 1 and 86400),
  fencing_token bigint not null check (fencing_token >= 1),
  request_id uuid,
  provisional boolean not null default false,
  primary key (workspace, resource_type, resource_name)
);

comment on table public.agent_locks is
'Leases. One whose expires_at has passed is free to take, whether its row is still here or not. Deleting a row by hand
frees the resource.';
comment on column public.agent_locks.workspace is 'The design that this row belongs to.';
comment on column public.agent_locks.locked_by is 'The agent that holds the lease.';
comment on column public.agent_locks.execution_id is 'The run of that agent.';
comment on column public.agent_locks.expires_at is 'When the lease lapses, by the database''s clock, unless renewed.';
comment on column public.agent_locks.ttl_seconds is 'The time to live that was asked for last.';
comment on column public.agent_locks.fencing_token is 'Greater than that of every earlier lease of this resource.';
comment on column public.agent_locks.request_id is 'The acquire call that was granted: the identity of the lease.';

comment on column public.agent_locks.provisional is
'Granted to a request with wait_seconds that has not confirmed it yet, by renew_lock; it lapses within seconds.';

-- A waiter looks for the leases of its request.
create index agent_locks_request_id_idx on public.agent_locks (workspace, request_id);
-- The search for a deadlock looks for the leases of an agent in an execution.
create index agent_locks_execution_id_idx on public.agent_locks (workspace, execution_id);

alter table public.agent_locks enable row level security;
create policy agent_locks_of_own_workspace on public.agent_locks
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

-- Its rows outlive the leases, so tokens grow even after a lease was deleted by hand. See fencing_counters.sql.
create table core.fencing_counters (
  workspace text not null,
  resource_type text not null,
  resource_name text not null,
  last_token bigint not null default 0,
  last_granted_at timestamptz,
  -- How long the last turns were (from one grant to the next, while somebody waits), smoothed.
  turn_ms double precision,
  primary key (workspace, resource_type, resource_name)
);
comment on table core.fencing_counters is
'The last fencing token of every resource that was ever locked, and how long its turns last.';
alter table core.fencing_counters enable row level security;

create type core.resource as (resource_type text, resource_name text);

-- The queue. These tables grow and shrink within seconds, so the planner's statistics of them are often wrong. The
-- queries therefore leave it no choice. They look up the ticket of each entry in a line by a lateral subquery, which
-- `offset 0` keeps from being merged into the query. And their functions switch sequential scans off.
--
-- A ticket waits for one resource or for several, and is granted all of them together. It is deleted when it is
-- granted, cancelled, or when its client has been silent for long.
create table core.lock_tickets (
  ticket_id bigint generated always as identity primary key,
  workspace text not null,
  request_id uuid not null,
  arguments_hash bigint not null,
  agent_name text not null,
  execution_id text not null,
  ttl_seconds integer not null,
  priority integer not null,
  -- The place in line: the time of arrival, 30 s earlier for each step of priority. It never changes, so priorities
  -- age: a request with priority 1 cannot overtake one with priority 4 that came 90 s before it.
  queue_key timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  -- From then on it is skipped, unless its client has asked again: see core.keep_in_line.
  alive_until timestamptz not null default clock_timestamp() + interval '5 seconds',
  gives_up_at timestamptz not null,
  -- Set if this wait was refused to end a deadlock: the cycle, for the error of the client's next call.
  refused jsonb,
  unique (workspace, request_id)
);
comment on table core.lock_tickets is 'Who waits for locks, in line by queue_key and ticket_id.';
create index lock_tickets_execution_id_idx on core.lock_tickets (workspace, execution_id);
alter table core.lock_tickets enable row level security;
create policy lock_tickets_of_own_workspace on core.lock_tickets
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

-- Tickets that count. One whose client has not asked for too long (core.keep_in_line) is skipped; if it asks again
-- before the ticket is deleted, it still has its place.
create view core.live_lock_tickets
with (security_invoker = true) as
select t.* from core.lock_tickets as t -- noqa: AM04
where t.alive_until > clock_timestamp() and t.gives_up_at > clock_timestamp() and t.refused is null;

create table core.lock_ticket_resources (
  workspace text not null,
  resource_type text not null,
  resource_name text not null,
  queue_key timestamptz not null,
  ticket_id bigint not null references core.lock_tickets (ticket_id) on delete cascade,
  primary key (workspace, resource_type, resource_name, queue_key, ticket_id)
);
comment on table core.lock_ticket_resources is 'What each ticket waits for; its key is the line of a resource.';
create index lock_ticket_resources_ticket_id_idx on core.lock_ticket_resources (ticket_id);
alter table core.lock_ticket_resources enable row level security;
create policy lock_ticket_resources_of_own_workspace on core.lock_ticket_resources
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

create type public.lock_wait as (
  state text,
  leases public.agent_locks [],
  position integer,
  retry_ms integer,
  waiting_for text []
);
comment on type public.lock_wait is
'Answer of wait_for_lock. state: granted (leases are yours), waiting (ask again after retry_ms) or gone (no such
request waits, or one of its leases has ended). waiting_for: agents.';
