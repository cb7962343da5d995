create table public.agent_locks (
  workspace text not null,
  resource_type text not null check (core.is_name(resource_type)),
  resource_name text not null check (core.is_name(resource_name)),
  locked_by text not null check (core.is_name(locked_by)),
  execution_id text not null check (core.is_name(execution_id)),
  locked_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  ttl_seconds integer not null check (ttl_seconds between 1 and 86400),
  fencing_token bigint not null check (fencing_token >= 1),
  request_id uuid,
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

alter table public.agent_locks enable row level security;
create policy agent_locks_of_own_workspace on public.agent_locks
for select to authenticated, service_role
using (workspace = (select core.current_workspace()));

-- Outlives the lease rows, so that tokens grow even after a lease was deleted by hand. Its row lock
-- puts all grants of one resource in line and keeps them apart from writes of that resource.
create table core.fencing_counters (
  workspace text not null,
  resource_type text not null,
  resource_name text not null,
  last_token bigint not null default 0,
  primary key (workspace, resource_type, resource_name)
);
comment on table core.fencing_counters is 'The last fencing token of every resource that was ever locked.';
alter table core.fencing_counters enable row level security;
