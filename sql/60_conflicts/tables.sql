create table public.conflicts (
  workspace text not null,
  conflict_id bigint not null check (conflict_id >= 1),
  severity text not null check (severity in ('low', 'medium', 'high', 'critical')),
  priority integer not null default 3 check (priority between 1 and 4),
  source_agent text not null check (core.is_name(source_agent)),
  target_agent text not null check (core.is_name(target_agent)),
  description text not null,
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
  blocks_agents text[] not null default '{}',
  status text not null default 'open' check (status in ('open', 'resolved')),
  resolution text,
  created_at timestamptz not null default clock_timestamp(),
  resolved_at timestamptz,
  resolved_by text check (core.is_name(resolved_by) or resolved_by is null),
  execution_id text,
  primary key (workspace, conflict_id),
  check ((status = 'resolved') = (resolution is not null and resolved_at is not null))
);

comment on table public.conflicts is 'Conflicts between agents. Written by log_conflict and resolve_conflict.';
comment on column public.conflicts.workspace is 'The design that this row belongs to.';
comment on column public.conflicts.conflict_id is '1, 2, 3, ... in each workspace, without gaps.';
comment on column public.conflicts.severity is 'low, medium, high or critical.';
comment on column public.conflicts.priority is '1 (first) to 4 (last).';
comment on column public.conflicts.source_agent is 'The agent that reported it.';
comment on column public.conflicts.target_agent is 'The agent that should resolve it.';
comment on column public.conflicts.blocks_agents is 'Agents that should not go on before it is resolved.';
comment on column public.conflicts.status is 'open or resolved.';

create index conflicts_open_idx on public.conflicts (workspace, priority, conflict_id) where status = 'open';

alter table public.conflicts enable row level security;
create policy conflicts_of_own_workspace on public.conflicts
for select to authenticated, service_role
using (workspace = (select core.current_workspace()));
