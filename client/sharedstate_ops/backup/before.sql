-- Before the rows of a backup come: refuse a database in use, keep in mind which numbers it has handed
-- out, and remove what is ours from it. Runs in the one transaction of a restore.

create temporary table handed_out (
  number_name text not null,
  key jsonb not null,
  value bigint not null,
  primary key (number_name, key)
) on commit drop;

-- Where the numbers are that must never be handed out twice. The same on both sides of a restore,
-- whatever the version of the schema: a counter of core is named last_..., and a table whose primary
-- key ends with a version keeps every version.
create function pg_temp.numbers()
returns table (relation regclass, number_name text, column_name text, key_columns text [], is_history boolean)
language sql
as $$
  select
    c.oid::regclass,
    c.oid::regclass || '.' || a.attname,
    a.attname::text,
    array_remove(k.names, a.attname::text),
    a.attname::text = any (k.names)
  from pg_catalog.pg_class as c
  inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid
  inner join pg_catalog.pg_index as i on c.oid = i.indrelid and i.indisprimary
  cross join lateral (
    select array_agg(p.attname::text order by o.place) as names
    from unnest(i.indkey::smallint []) with ordinality as o (number, place)
    inner join pg_catalog.pg_attribute as p on p.attrelid = c.oid and p.attnum = o.number
  ) as k
  where
    c.relkind = 'r' and not a.attisdropped and a.attnotnull
    and a.atttypid in ('bigint'::regtype, 'integer'::regtype)
    and (
      (c.relnamespace = to_regnamespace('core') and a.attname like 'last\_%')
      or (c.relnamespace = 'public'::regnamespace and a.attname = 'version' and 'workspace' = any (k.names))
    )
$$;

create function pg_temp.key_of(columns text [])
returns text
language sql
as $$
  select 'jsonb_build_array(' || string_agg(format('t.%I', c.name), ', ' order by c.place) || ')'
  from unnest(columns) with ordinality as c (name, place)
$$;

do $$
declare
  v_table text;
  v_condition text;
  v_is_used boolean;
  v_settings constant jsonb := current_setting('sharedstate.restore')::jsonb;
  v_number record;
begin
  if to_regclass('core.workspaces') is null then
    return;
  end if;
  -- Nobody writes from here on; readers see what was, until the commit.
  lock table core.workspaces in exclusive mode;
  for v_table, v_condition in
    values
    ('core.workspaces', $q$name <> 'default'$q$),
    ('core.fencing_counters', 'true'),
    ('public.subsystems', 'version > 1'),
    ('public.global_constraints', 'version > 1'),
    ('public.subsystem_requirements', 'true'),
    ('public.subsystem_interfaces', 'true'),
    ('public.subsystem_designs', 'true'),
    ('public.conflicts', 'true'),
    ('public.agent_activity_logs', $q$activity <> 'workspace_initialized'$q$)
  loop
    continue when to_regclass(v_table) is null;
    execute format('lock table %s in exclusive mode', v_table);
    execute format('select exists (select from %s where %s)', v_table, v_condition) into v_is_used;
    if v_is_used and not (v_settings ->> 'force')::boolean then
      raise exception 'sharedstate: the database holds data'
        using detail = v_table;
    end if;
  end loop;
  for v_number in select * from pg_temp.numbers() loop
    execute format(
      'insert into handed_out select %L, %s, max(t.%I) from %s as t group by 2',
      v_number.number_name, pg_temp.key_of(v_number.key_columns), v_number.column_name, v_number.relation
    );
  end loop;
  -- Where an earlier restore let begin what is made anew.
  insert into handed_out
  select n.number_name, '"default"', pg_get_expr(d.adbin, d.adrelid)::bigint
  from pg_temp.numbers() as n
  inner join pg_catalog.pg_attribute as a on n.relation = a.attrelid and n.column_name = a.attname
  inner join pg_catalog.pg_attrdef as d on a.attrelid = d.adrelid and a.attnum = d.adnum
  where pg_get_expr(d.adbin, d.adrelid) ~ '^[0-9]+$';
  insert into handed_out
  select s.schemaname || '.' || s.sequencename, '[]', s.last_value
  from pg_catalog.pg_sequences as s
  where s.last_value is not null and s.schemaname in ('core', 'public');
end;
$$;

-- What is ours goes; that nothing of others hangs on it was looked at before.
do $$
declare
  v_settings constant jsonb := current_setting('sharedstate.restore')::jsonb;
  v_object record;
begin
  for v_object in
    select format('drop routine if exists %s cascade', p.oid::regprocedure) as command
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace and v_settings -> 'routines' ? p.proname::text
    union all
    select format(
      'drop %s if exists public.%I cascade',
      case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end, c.relname
    )
    from pg_catalog.pg_class as c
    where c.relnamespace = 'public'::regnamespace and v_settings -> 'relations' ? c.relname::text
    union all
    select format('drop type if exists public.%I cascade', t.name)
    from jsonb_array_elements_text(v_settings -> 'types') as t (name)
    -- Sorted, so that all commands are written before the first drop takes others along.
    order by 1
  loop
    execute v_object.command;
  end loop;
  drop schema if exists core cascade;
end;
$$;

delete from supabase_migrations.schema_migrations where true;
