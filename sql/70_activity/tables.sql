create table public.agent_activity_logs (
  id bigint generated always as identity primary key,
  workspace text not null,
  agent_name text not null check (core.is_name(agent_name)),
  activity text not null check (core.is_label(activity)),
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
  execution_id text,
  "timestamp" timestamptz not null default clock_timestamp(),
  import_key uuid
);

comment on table public.agent_activity_logs is
'What agents did, and every change of status, documents, budgets and conflicts.';
comment on column public.agent_activity_logs.workspace is 'The design that this row belongs to.';
comment on column public.agent_activity_logs."timestamp" is
'When it happened, by the database''s clock; for imported entries, as the source had it.';
comment on column public.agent_activity_logs.import_key is
'Set on imported entries, so that importing again adds nothing.';

create index agent_activity_logs_recent_idx
on public.agent_activity_logs (workspace, "timestamp" desc, id desc);
create index agent_activity_logs_by_agent_idx
on public.agent_activity_logs (workspace, agent_name, "timestamp" desc, id desc);
create unique index agent_activity_logs_import_key_idx
on public.agent_activity_logs (workspace, import_key) where import_key is not null;

alter table public.agent_activity_logs enable row level security;
create policy agent_activity_logs_of_own_workspace on public.agent_activity_logs
for select to authenticated, service_role
using (workspace = (select core.current_workspace()));
