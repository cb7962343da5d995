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
  where s.last_value is not null and (
    s.schemaname = 'core'
    or (s.schemaname = 'public' and v_settings -> 'relations' ? regexp_replace(s.sequencename, '_[a-z]+_seq$', ''))
  );
end;
$$;

create temporary table ours on commit drop as
select k.key as kind, e.name
from jsonb_each(current_setting('sharedstate.restore')::jsonb) as k
cross join lateral jsonb_array_elements_text(k.value) as e (name)
where k.key in ('relations', 'routines', 'words');

-- What hangs on tables and is no table itself, with the statement that makes it again. Tables of others may
-- have some that use ours, and go with it.
create temporary view attachments as
with tables as (
  select
    c.oid,
    c.relkind,
    c.oid::regclass::text as relation,
    n.nspname = 'core' or (n.nspname = 'public' and exists (
      select from ours as o where o.kind = 'relations' and o.name = c.relname
    )) as on_ours
  from pg_catalog.pg_class as c
  inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
  where
    c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not like 'pg\_%' and n.nspname <> 'information_schema'
)

select 1 as place, 'column' as kind, t.relation, a.attname::text as name, t.on_ours, null as definition
from tables as t
inner join pg_catalog.pg_attribute as a on t.oid = a.attrelid
where t.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
union all
select
  2, 'default', t.relation, a.attname, t.on_ours,
  format('alter table %s alter column %I set default %s', t.relation, a.attname, pg_get_expr(d.adbin, d.adrelid))
from tables as t
inner join pg_catalog.pg_attribute as a on t.oid = a.attrelid and a.attgenerated = ''
inner join pg_catalog.pg_attrdef as d on a.attrelid = d.adrelid and a.attnum = d.adnum
where not t.on_ours
union all
select
  -- What a foreign key refers to comes before.
  3 + (n.contype = 'f')::integer, 'constraint', t.relation, n.conname, t.on_ours,
  format('alter table %s add constraint %I %s', t.relation, n.conname, pg_get_constraintdef(n.oid))
from tables as t
inner join pg_catalog.pg_constraint as n on t.oid = n.conrelid
where n.contype in ('c', 'f', 'p', 'u', 'x') and n.conparentid = 0
union all
select 3, 'index', t.relation, c.relname, t.on_ours, pg_get_indexdef(i.indexrelid)
from tables as t
inner join pg_catalog.pg_index as i on t.oid = i.indrelid
inner join pg_catalog.pg_class as c on i.indexrelid = c.oid
where not exists (select from pg_catalog.pg_constraint as n where n.conindid = i.indexrelid)
union all
select 5, 'statistics', t.relation, s.stxname, t.on_ours, pg_get_statisticsobjdef(s.oid)
from tables as t
inner join pg_catalog.pg_statistic_ext as s on t.oid = s.stxrelid
union all
select 5, 'rule', t.relation, r.rulename, t.on_ours, pg_get_ruledef(r.oid)
from tables as t
inner join pg_catalog.pg_rewrite as r on t.oid = r.ev_class
where r.rulename <> '_RETURN'
union all
select
  5, 'policy', t.relation, p.polname, t.on_ours,
  format('create policy %I on %s as %s for %s to %s', p.polname, t.relation,
    case when p.polpermissive then 'permissive' else 'restrictive' end,
    case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
    (select string_agg(case when r.oid = 0 then 'public' else r.oid::regrole::text end, ', ') from unnest(p.polroles) as r (oid)))
  || coalesce(' using (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
  || coalesce(' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
from tables as t
inner join pg_catalog.pg_policy as p on t.oid = p.polrelid
union all
select
  5, 'publication', t.relation, b.pubname, t.on_ours,
  format('alter publication %I add table %s', b.pubname, t.relation)
  || coalesce(' (' || (
    select string_agg(quote_ident(a.attname), ', ') from pg_catalog.pg_attribute as a
    where a.attrelid = t.oid and a.attnum = any (r.prattrs)
  ) || ')', '')
  || coalesce(' where (' || pg_get_expr(r.prqual, r.prrelid) || ')', '')
from tables as t
inner join pg_catalog.pg_publication_rel as r on t.oid = r.prrelid
inner join pg_catalog.pg_publication as b on r.prpubid = b.oid
union all
select
  6, 'trigger', t.relation, g.tgname, t.on_ours,
  pg_get_triggerdef(g.oid) || case g.tgenabled
    when 'O' then ''
    else format('; alter table %s %s trigger %I', t.relation,
      case g.tgenabled when 'D' then 'disable' when 'A' then 'enable always' else 'enable replica' end, g.tgname)
  end
from tables as t
inner join pg_catalog.pg_trigger as g on t.oid = g.tgrelid
where not g.tgisinternal and g.tgparentid = 0
union all
select
  7, 'right', o.name, format('%s to %s', concat_ws(' of ', x.privilege_type, o.column_name), x.grantee::regrole), true,
  format('grant %s on %s to %s', x.privilege_type || coalesce(' (' || o.column_name || ')', ''), o.name, x.grantee::regrole)
  || case when x.is_grantable then ' with grant option' else '' end
from (
  select 'table ' || t.relation as name, null as column_name, c.relacl as rights, c.relowner as owner
  from tables as t inner join pg_catalog.pg_class as c on t.oid = c.oid where t.on_ours
  union all
  select 'table ' || t.relation, quote_ident(a.attname), a.attacl, c.relowner
  from tables as t inner join pg_catalog.pg_class as c on t.oid = c.oid
  inner join pg_catalog.pg_attribute as a on t.oid = a.attrelid where t.on_ours
  union all
  select 'routine ' || p.oid::regprocedure, null, p.proacl, p.proowner
  from pg_catalog.pg_proc as p
  where p.pronamespace = to_regnamespace('core') or (p.pronamespace = 'public'::regnamespace and exists (
    select from ours as u where u.kind = 'routines' and u.name = p.proname
  ))
  union all
  select 'schema core', null, n.nspacl, n.nspowner from pg_catalog.pg_namespace as n where n.nspname = 'core'
) as o
cross join lateral aclexplode(o.rights) as x
-- Those of our own roles are the backup's.
where x.grantee not in (0, o.owner)
and x.grantee::regrole::text not in ('anon', 'authenticated', 'service_role');

-- Ours comes back from the backup, if that has it: of another release it may be gone. Then what our migrations
-- do not name is others', but for constraints whose name Postgres has made up.
create temporary table kept_attachments on commit drop as
select a.* from attachments as a
where
  not a.on_ours or a.kind in ('publication', 'right')
  or (current_setting('sharedstate.restore')::jsonb ->> 'same_schema')::boolean
  or not (
    exists (select from ours as o where o.kind = 'words' and o.name = a.name)
    or (a.kind = 'constraint' and a.name ~ '_(pkey|key|fkey|check|excl)[0-9]*$')
  );

-- What is ours goes. A view or a function of others that hangs on it would go with it: then nothing goes at all.
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

