-- Before the rows of a backup come: refuse a database in use, keep in mind which numbers it has handed
-- out, and remove what is ours from it. Runs in the one transaction of a restore.

set local search_path = '';
set local statement_timeout = 0;
set local lock_timeout = '60s';
-- The migration runner's own: nobody migrates meanwhile.
select pg_advisory_xact_lock(7240519364021187);

create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (version text not null primary key);
alter table supabase_migrations.schema_migrations add column if not exists statements text [];
alter table supabase_migrations.schema_migrations add column if not exists name text;

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
  insert into handed_out
  select s.schemaname || '.' || s.sequencename, '[]', s.last_value
  from pg_catalog.pg_sequences as s
  where s.last_value is not null and (
    s.schemaname = 'core'
    or (s.schemaname = 'public' and v_settings -> 'relations' ? regexp_replace(s.sequencename, '_[a-z]+_seq$', ''))
  );
end;
$$;

-- What is ours goes. Whatever of others hangs on it would go with it: then nothing goes at all.
do $$
declare
  v_settings constant jsonb := current_setting('sharedstate.restore')::jsonb;
  v_ours oid[];
  v_others text[];
  v_lost text[];
  v_object record;
  v_query constant text := $q$
    select array_agg(o.name order by o.name) from (
      select c.oid::regclass::text as name from pg_catalog.pg_class as c
      where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relnamespace <> all ($2) and c.oid <> all ($1)
      union all
      select p.oid::regprocedure::text from pg_catalog.pg_proc as p
      where p.pronamespace <> all ($2) and p.oid <> all ($1)
      union all
      select n.conname || ' of ' || n.conrelid::regclass::text from pg_catalog.pg_constraint as n
      inner join pg_catalog.pg_class as c on n.conrelid = c.oid
      where c.relnamespace <> all ($2) and n.conrelid <> all ($1)
      union all
      select y.polname || ' of ' || y.polrelid::regclass::text from pg_catalog.pg_policy as y
      inner join pg_catalog.pg_class as c on y.polrelid = c.oid
      where c.relnamespace <> all ($2) and y.polrelid <> all ($1)
      union all
      select t.tgname || ' of ' || t.tgrelid::regclass::text from pg_catalog.pg_trigger as t
      inner join pg_catalog.pg_class as c on t.tgrelid = c.oid
      where not t.tgisinternal and c.relnamespace <> all ($2) and t.tgrelid <> all ($1)
    ) as o
  $q$;
  v_schemas oid[];
begin
  if to_regclass('core.workspaces') is null then
    return;
  end if;
  v_schemas := array(
    select n.oid from pg_catalog.pg_namespace as n
    where n.nspname = 'core' or n.nspname like 'pg\_%' or n.nspname = 'information_schema'
  );
  v_ours := array(
    select c.oid from pg_catalog.pg_class as c
    where c.relnamespace = 'public'::regnamespace and v_settings -> 'relations' ? c.relname::text
    union all
    select p.oid from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace and v_settings -> 'routines' ? p.proname::text
  );
  execute v_query into v_others using v_ours, v_schemas;
  for v_object in
    select p.oid::regprocedure::text as name from pg_catalog.pg_proc as p where p.oid = any (v_ours)
  loop
    execute format('drop routine if exists %s cascade', v_object.name);
  end loop;
  for v_object in
    select
      c.relname,
      case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end as kind
    from pg_catalog.pg_class as c where c.oid = any (v_ours)
  loop
    execute format('drop %s if exists public.%I cascade', v_object.kind, v_object.relname);
  end loop;
  for v_object in select t.name from jsonb_array_elements_text(v_settings -> 'types') as t (name) loop
    execute format('drop type if exists public.%I cascade', v_object.name);
  end loop;
  drop schema core cascade;
  execute v_query into v_lost using v_ours, v_schemas;
  v_lost := array(select unnest(v_others) except select unnest(v_lost));
  if cardinality(v_lost) > 0 then
    raise exception 'not ours, and would be lost with what it uses: %', array_to_string(v_lost, ', ')
      using hint = 'Drop it, restore, and make it again.';
  end if;
end;
$$;

create temporary table kept_migrations on commit drop as
select m.* from supabase_migrations.schema_migrations as m
where current_setting('sharedstate.restore')::jsonb -> 'of_others_here' ? m.version;

delete from supabase_migrations.schema_migrations where true;

