-- Adds our tables to the publication of Supabase Realtime, whose subscribers see changes of the rows that row level
-- security shows them. Does nothing if there is no such publication. Called by the migration, and after a restore,
-- because tables that were made anew are not in it. Returns how many tables were added.
--
-- Realtime does not apply row level security to deletes: it sends the key of the row to each subscriber of the table,
-- and our keys have names of workspaces and of what is in them. So tables whose rows are deleted in normal work stay
-- out.
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
  -- Our tables are those whose policy calls core.visible_workspace.
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

-- The last file, when every table has its policy.
do $$
begin
  perform core.join_realtime();
end;
$$;
