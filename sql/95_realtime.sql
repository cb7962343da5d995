-- Realtime of the platform and of Studio: subscribers see changes of the rows that row level security
-- lets them read. Where there is no such publication there is nothing to do. Called by the migration, and after a
-- restore, because tables that are made anew have left it. Answers how many tables have joined.
--
-- Row level security does not reach deletes: the key of the row goes to every subscriber of the table, and ours
-- hold names of workspaces and of what is in them. So tables whose rows end in normal work stay out.
create or replace function core.join_realtime()
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_table regclass;
  v_count integer := 0;
begin
  if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime' and not puballtables) then
    return 0;
  end if;
  -- Ours, and no table of anybody else: those whose row security asks for the workspace.
  for v_table in
    select distinct p.polrelid::regclass
    from pg_catalog.pg_policy as p
    inner join pg_catalog.pg_class as c on p.polrelid = c.oid
    inner join pg_catalog.pg_depend as d on p.oid = d.objid
    where
      c.relnamespace = 'public'::regnamespace
      and c.relname not in ('agent_locks', 'budget_reservations', 'document_dependencies')
      and d.classid = 'pg_catalog.pg_policy'::regclass
      and d.refclassid = 'pg_catalog.pg_proc'::regclass
      and d.refobjid = 'core.visible_workspace'::regproc
      and not exists (
        select from pg_catalog.pg_publication_rel as r
        inner join pg_catalog.pg_publication as b on r.prpubid = b.oid
        where r.prrelid = p.polrelid and b.pubname = 'supabase_realtime'
      )
  loop
    execute format('alter publication supabase_realtime add table %s', v_table);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;

-- Last, when every table has its row security.
do $$
begin
  perform core.join_realtime();
end;
$$;
