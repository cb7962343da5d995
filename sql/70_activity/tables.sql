-- Functions check names and labels: the callers of core.write_activity, and the import.
create table public.agent_activity_logs (
  id bigint generated always as identity primary key,
  workspace text not null,
  agent_name text not null,
  activity text not null,
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
  execution_id text,
  "timestamp" timestamptz not null default clock_timestamp(),
  import_key uuid,
  transaction_id xid8 not null default pg_current_xact_id()
);

comment on table public.agent_activity_logs is
'What agents did, and every change of status, documents, budgets and conflicts.';
comment on column public.agent_activity_logs.workspace is 'The design that this row belongs to.';
comment on column public.agent_activity_logs."timestamp" is
'When it happened, by the database''s clock; for imported entries, as the source had it.';
comment on column public.agent_activity_logs.import_key is
'Set on imported entries, so that importing again adds nothing.';
comment on column public.agent_activity_logs.transaction_id is
'The transaction that wrote it, the same for all that was written together. See read_activity.';

-- Pages of the log, newest first, by each filter. After the filter comes the time, so each page costs the same,
-- wherever it is in the log. The few entries of one time are sorted by id when they are read.
--
-- This is the busiest table, and each mutation pays for each index, in bytes too. So an index has its filter not as
-- text but as one hash of workspace and value. That takes a third of the space. Time is ascending, because Postgres
-- fills the pages of an index that grows at its end. Two texts may have the same hash, so a query compares the texts
-- too: see core.get_recent_activity.
create index agent_activity_logs_recent_idx on public.agent_activity_logs (workspace, "timestamp");
create index agent_activity_logs_by_agent_idx
on public.agent_activity_logs (hashtextextended(workspace || '/' || agent_name, 0), "timestamp");
create index agent_activity_logs_by_execution_idx
on public.agent_activity_logs (hashtextextended(workspace || '/' || execution_id, 0), "timestamp");
create index agent_activity_logs_by_activity_idx
on public.agent_activity_logs (hashtextextended(workspace || '/' || activity, 0), "timestamp");
-- The order in which followers read. They filter what they read, so one index serves all filters.
create index agent_activity_logs_follow_idx
on public.agent_activity_logs (workspace, transaction_id, id);
create unique index agent_activity_logs_import_key_idx
on public.agent_activity_logs (workspace, import_key) where import_key is not null;

alter table public.agent_activity_logs enable row level security;
create policy agent_activity_logs_of_own_workspace on public.agent_activity_logs
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

create type public.activity_page as (
  entries public.agent_activity_logs [],
  "cursor" text,
  more boolean,
  retry_ms integer
);
comment on type public.activity_page is
'A step of a follower: entries in the order of their transactions, where to go on, whether to ask again at once, and
else in how many milliseconds.';
