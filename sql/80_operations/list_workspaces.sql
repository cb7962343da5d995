-- A read with a core half, because row level security shows a caller the rows of one workspace alone.
create or replace function core.list_workspaces()
returns setof public.workspace_summary
language sql
stable
security definer
set search_path = ''
as $$
  select
    w.name,
    w.created_at,
    count(s.name),
    count(s.name) filter (where s.state = 'complete'),
    (select count(*) from public.conflicts as c where c.workspace = w.name and c.status = 'open')
  from core.workspaces as w
  left join public.subsystems as s on w.name = s.workspace
  where core.is_open_workspace(w.name)
  group by w.name
  order by w.created_at, w.name;
$$;

create or replace function public.list_workspaces()
returns setof public.workspace_summary
language sql
stable
set search_path = ''
as $$
  select * from core.list_workspaces();
$$;

comment on function public.list_workspaces() is
'For operators: every workspace with how many subsystems it has, how many are complete, and its open conflicts. To a
token that names a workspace: that one.';
