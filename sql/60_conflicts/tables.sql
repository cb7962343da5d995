-- Functions check the names and the key: log_conflict, resolve_conflict and the like, and the import.
create table public.conflicts (
  workspace text not null,
  conflict_id bigint not null check (conflict_id >= 1),
  severity text not null check (severity in ('low', 'medium', 'high', 'critical')),
  priority integer not null default 3 check (priority between 1 and 4),
  source_agent text not null,
  target_agent text not null,
  description text not null,
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
  blocks_agents text[] not null default '{}',
  status text not null default 'open' check (status in ('open', 'resolved')),
  resolution text,
  created_at timestamptz not null default clock_timestamp(),
  resolved_at timestamptz,
  resolved_by text,
  execution_id text,
  conflict_key text,
  reported_to text not null,
  reports integer not null default 1 check (reports >= 1),
  last_reported_at timestamptz not null default clock_timestamp(),
  primary key (workspace, conflict_id),
  check ((status = 'resolved') = (resolution is not null and resolved_at is not null))
);

comment on table public.conflicts is
'Conflicts between agents. Written by log_conflict and resolve_conflict, and by the database where it sees one itself.';
comment on column public.conflicts.workspace is 'The design that this row belongs to.';
comment on column public.conflicts.conflict_id is '1, 2, 3, ... in each workspace, without gaps.';
comment on column public.conflicts.severity is 'low, medium, high or critical.';
comment on column public.conflicts.priority is '1 (first) to 4 (last).';
comment on column public.conflicts.source_agent is 'The agent that reported it.';
comment on column public.conflicts.target_agent is 'The agent that should resolve it.';
comment on column public.conflicts.blocks_agents is 'Agents that should not go on before it is resolved.';
comment on column public.conflicts.status is 'open or resolved.';
comment on column public.conflicts.conflict_key is
'What it is about, in the words of its source: at most one of the same source, target and key is open. Null: no two
are the same.';
comment on column public.conflicts.reported_to is
'Whom its source named as target: stays when it is reassigned, so that the next report still finds it.';
comment on column public.conflicts.reports is 'How often it was reported while open.';
comment on column public.conflicts.last_reported_at is 'When it was reported last.';

create index conflicts_open_idx on public.conflicts (workspace, priority, conflict_id) where status = 'open';
create index conflicts_blocking_idx on public.conflicts (workspace, priority, conflict_id)
where status = 'open' and blocks_agents <> '{}';
-- For core.find_open_conflict, which must never find two. These indexes prevent two with the same target, and two with
-- the same reported_to. core.find_duplicate prevents the rest: the target of one is the reported_to of the other.
create unique index conflicts_open_target_idx on public.conflicts (workspace, source_agent, conflict_key, target_agent)
where status = 'open' and conflict_key is not null;
create unique index conflicts_open_report_idx on public.conflicts (workspace, source_agent, conflict_key, reported_to)
where status = 'open' and conflict_key is not null;

alter table public.conflicts enable row level security;
create policy conflicts_of_own_workspace on public.conflicts
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

create table public.conflict_events (
  workspace text not null,
  conflict_id bigint not null,
  event_id integer not null check (event_id >= 1),
  event text not null check (
    event in ('opened', 'reported', 'updated', 'note', 'reassigned', 'resolved', 'reopened')
  ),
  agent_name text not null,
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
  created_at timestamptz not null default clock_timestamp(),
  execution_id text,
  primary key (workspace, conflict_id, event_id),
  foreign key (workspace, conflict_id) references public.conflicts (workspace, conflict_id) on delete cascade
);

comment on table public.conflict_events is 'What happened to each conflict, in order. See get_conflict_history.';
comment on column public.conflict_events.workspace is 'The design that this row belongs to.';
comment on column public.conflict_events.event_id is '1, 2, 3, ... in each conflict.';
comment on column public.conflict_events.event is
'opened, reported (again), updated, note, reassigned, resolved or reopened.';
comment on column public.conflict_events.agent_name is 'Who did it; sharedstate where the database did it by itself.';
comment on column public.conflict_events.details is
'What was said: of opened, reported and updated the report; of reopened also the resolution that did not hold.';

alter table public.conflict_events enable row level security;
create policy conflict_events_of_own_workspace on public.conflict_events
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

-- Conflict numbers are counted here under a row lock: so they have no gaps, and a rollback gives a number back. Not a
-- column of core.workspaces: a status may open a conflict when it has locked its subsystem, and the workspace's row
-- comes before that in the lock order.
create table core.conflict_counters (
  workspace text primary key references core.workspaces (name),
  last_conflict_id bigint not null default 0
);
comment on table core.conflict_counters is 'The last conflict number of each workspace; made with the workspace.';
alter table core.conflict_counters enable row level security;

insert into core.conflict_counters (workspace)
select w.name from core.workspaces as w;

create type public.unblock_wait as (blocked boolean, conflicts public.conflicts [], retry_ms integer);
comment on type public.unblock_wait is 'Answer of wait_until_unblocked.';
