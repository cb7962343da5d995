-- After the rows of a backup have come: nothing that was handed out before is handed out again.

-- Leases and requests for them bind agents that ran then. First the requests: a lease that ends goes to the next in
-- line. By truncate, which runs no trigger: a wait that ends is logged.
truncate core.lock_tickets cascade;
delete from public.agent_locks where true;
-- With its lease a checkout loses what it has read. An older backup has no such columns.
do $$
begin
  if exists (
    select from pg_catalog.pg_attribute as a
    where a.attrelid = to_regclass('public.document_dependencies') and a.attname = 'read_token'
  ) then
    execute
      'update public.document_dependencies set read_version = null, read_token = null where read_token is not null';
  end if;
end;
$$;

do $$
declare
  v_gap constant bigint := (current_setting('sharedstate.restore')::jsonb ->> 'gap')::bigint;
  v_number record;
  v_greatest bigint;
begin
  for v_number in select * from pg_temp.numbers() where not is_history loop
    execute format(
      'update %1$s as t set %2$I = greatest(t.%2$I, coalesce(
         (select h.value from handed_out as h where h.number_name = %3$L and h.key = %4$s), 0)) + $1 where true',
      v_number.relation, v_number.column_name, v_number.number_name, pg_temp.key_of(v_number.key_columns)
    ) using v_gap;
    continue when v_number.column_name = 'version';
    -- What the backup does not know (a resource, a workspace) may have been made since, and is made again: its
    -- first number has to be a greater one, too.
    execute format('select greatest(max(t.%I), (
      select max(h.value) from handed_out as h where h.number_name = %L
    ), $1) from %s as t', v_number.column_name, v_number.number_name, v_number.relation)
    into v_greatest using v_gap;
    execute format(
      'alter table %s alter column %I set default %s', v_number.relation, v_number.column_name, v_greatest
    );
  end loop;
end;
$$;

-- Histories: the newest version is there once more, under a number that nobody has seen.
do $$
declare
  v_gap constant bigint := (current_setting('sharedstate.restore')::jsonb ->> 'gap')::bigint;
  v_number record;
  v_latest record;
  v_document text;
begin
  for v_number in select * from pg_temp.numbers() where is_history loop
    for v_latest in execute format(
      'select distinct on (%1$s) %1$s as key, to_jsonb(t) as content, t.version, greatest(t.version, h.value) + $1 as next
       from %2$s as t left join handed_out as h on h.number_name = %3$L and h.key = %1$s
       order by %1$s, t.version desc',
      pg_temp.key_of(v_number.key_columns), v_number.relation, v_number.number_name
    ) using v_gap loop
      continue when v_latest.next = v_latest.version;
      execute format('insert into %1$s select (jsonb_populate_record(null::%1$s, $1)).*', v_number.relation)
      using v_latest.content || jsonb_build_object(
        'version', v_latest.next, 'created_at', clock_timestamp(), 'base_version', v_latest.version, 'merged', false
      );
      -- Who has read the newest version has read this one.
      if to_regclass('public.document_dependencies') is not null then
        v_document := case v_number.relation::text
          when 'public.subsystem_requirements' then 'requirements'
          when 'public.subsystem_interfaces' then 'interfaces'
          when 'public.subsystem_designs' then 'design'
        end;
        execute
          'update public.document_dependencies as d set
             seen_version = case when d.seen_version = $1 then $2 else d.seen_version end,
             accepted_version = case when d.accepted_version = $1 then $2 else d.accepted_version end
           where d.workspace = $3 ->> ''workspace'' and d.on_subsystem = $3 ->> ''subsystem_name'' and d.document = $4'
        using v_latest.version, v_latest.next::integer, v_latest.content, v_document;
      end if;
    end loop;
  end loop;
end;
$$;

-- The same for the first version of a subsystem, a document (both the column's default) and of constraints.
do $$
declare
  v_gap constant bigint := (current_setting('sharedstate.restore')::jsonb ->> 'gap')::bigint;
  v_number record;
  v_greatest bigint;
begin
  for v_number in
    select * from pg_temp.numbers() as n where n.column_name = 'version'
  loop
    execute format(
      'select greatest(max(t.version), (
         select max(h.value) from handed_out as h where h.number_name = %L
       ), $1) from %s as t', v_number.number_name, v_number.relation
    ) into v_greatest using v_gap;
    if v_number.relation <> 'public.global_constraints'::regclass then
      execute format(
        'alter table %s alter column version set default %s', v_number.relation, v_greatest + 1
      );
    -- Backups from before have no such column.
    elsif exists (select from pg_temp.numbers() as n where n.number_name = 'core.workspaces.last_lost_version') then
      execute 'update core.workspaces set last_lost_version = greatest(last_lost_version, $1) where true' using v_greatest;
      execute format(
        'alter table core.workspaces alter column last_lost_version set default %s',
        greatest(v_greatest, (select max(w.last_lost_version) from core.workspaces as w))
      );
    end if;
  end loop;
end;
$$;

do $$
declare
  v_gap constant bigint := (current_setting('sharedstate.restore')::jsonb ->> 'gap')::bigint;
  v_object record;
begin
  -- Of our tables alone: those that an identity column of theirs draws from.
  for v_object in
    select d.objid::regclass as sequence, h.value
    from pg_catalog.pg_depend as d
    inner join pg_catalog.pg_class as t on d.refobjid = t.oid
    inner join pg_catalog.pg_class as s on d.objid = s.oid and s.relkind = 'S'
    left join handed_out as h
      on h.number_name = s.relnamespace::regnamespace || '.' || s.relname
    where
      d.deptype in ('a', 'i') and d.classid = 'pg_catalog.pg_class'::regclass
      and (t.relnamespace = 'core'::regnamespace or t.oid = 'public.agent_activity_logs'::regclass)
  loop
    execute format(
      'select setval(%L, greatest(last_value, %s) + %s) from %s',
      v_object.sequence, coalesce(v_object.value, 1), v_gap, v_object.sequence
    );
  end loop;
  -- Transaction numbers are those of one server: as if all had been written by this transaction, which
  -- is before whatever comes next, and after what a follower has read.
  for v_object in
    select c.oid::regclass as relation, a.attname
    from pg_catalog.pg_attribute as a
    inner join pg_catalog.pg_class as c on a.attrelid = c.oid
    where
      a.atttypid = 'xid8'::regtype and not a.attisdropped and c.relkind = 'r'
      and (c.relnamespace = 'core'::regnamespace or c.oid = 'public.agent_activity_logs'::regclass)
  loop
    execute format('update %s set %I = pg_current_xact_id() where true', v_object.relation, v_object.attname);
  end loop;
end;
$$;

select core.write_activity(
  w.name, 'operator', 'database_restored', jsonb_build_object(
    'numbers_go_on_after', current_setting('sharedstate.restore')::jsonb -> 'gap'
  ), null
)
from core.workspaces as w order by w.name;

-- Tables that are made anew have left the publication of Realtime. Backups from before have no such function.
do $$
begin
  if to_regprocedure('core.join_realtime()') is not null then
    perform core.join_realtime();
  end if;
end;
$$;

-- After a pause for their locks: PostgREST reads the schema again.
notify pgrst, 'reload schema';
