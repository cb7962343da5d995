-- The history of a conflict as an export carries it.
create or replace function core.events_of(p_workspace text, p_conflict_id bigint)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(to_jsonb(e) - array['workspace', 'conflict_id'] order by e.event_id), '[]')
    from public.conflict_events as e
    where e.workspace = p_workspace and e.conflict_id = p_conflict_id
  );
end;
$$;

-- A read with a core half, because callers may not read the counters.
--
-- Leases are left out: they are of agents that run now. The fencing counters are in, so that no old token becomes valid
-- again where the document is imported.
create or replace function core.export_state()
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
begin
  return jsonb_build_object(
    'format', 'sharedstate/1',
    'workspace', v_workspace,
    'exported_at', clock_timestamp(),
    'global_constraints', (
      select coalesce(jsonb_agg(to_jsonb(g) - 'workspace' order by g.version), '[]')
      from public.global_constraints as g where g.workspace = v_workspace
    ),
    'subsystems', (
      select coalesce(jsonb_agg(to_jsonb(s) - 'workspace' order by s.name), '[]')
      from public.subsystems as s where s.workspace = v_workspace
    ),
    'subsystem_requirements', (
      select coalesce(jsonb_agg(to_jsonb(d) - 'workspace' order by d.subsystem_name, d.version), '[]')
      from public.subsystem_requirements as d where d.workspace = v_workspace
    ),
    'subsystem_interfaces', (
      select coalesce(jsonb_agg(to_jsonb(d) - 'workspace' order by d.subsystem_name, d.version), '[]')
      from public.subsystem_interfaces as d where d.workspace = v_workspace
    ),
    'subsystem_designs', (
      select coalesce(jsonb_agg(to_jsonb(d) - 'workspace' order by d.subsystem_name, d.version), '[]')
      from public.subsystem_designs as d where d.workspace = v_workspace
    ),
    'document_dependencies', (
      select coalesce(jsonb_agg(
        -- read_version and read_token belong to a lease.
        to_jsonb(d) - array['workspace', 'read_version', 'read_token']
        order by d.subsystem, d.on_subsystem, d.document
      ), '[]')
      from public.document_dependencies as d where d.workspace = v_workspace
    ),
    'conflicts', (
      select coalesce(jsonb_agg(
        to_jsonb(c) - 'workspace' || jsonb_build_object('events', core.events_of(v_workspace, c.conflict_id))
        order by c.conflict_id
      ), '[]')
      from public.conflicts as c where c.workspace = v_workspace
    ),
    'agent_activity_logs', (
      -- An entry that was not imported gets a key made of workspace and id: the same in each export.
      select coalesce(jsonb_agg(
        to_jsonb(a) - array['workspace', 'id', 'transaction_id'] || jsonb_build_object(
          'import_key', coalesce(a.import_key, md5(v_workspace || '/' || a.id)::uuid)
        ) order by a."timestamp", a.id
      ), '[]')
      from public.agent_activity_logs as a where a.workspace = v_workspace
    ),
    'counters', jsonb_build_object(
      'last_conflict_id', (
        select n.last_conflict_id from core.conflict_counters as n where n.workspace = v_workspace
      ),
      'fencing', (
        select coalesce(jsonb_agg(
          to_jsonb(f) - '{workspace, last_granted_at, turn_ms}'::text[] order by f.resource_type, f.resource_name
        ), '[]')
        from core.fencing_counters as f where f.workspace = v_workspace and f.last_token > 0
      )
    )
  );
exception
  when program_limit_exceeded then
    -- A jsonb object or array has at most 256 MB. Most of an export is the log.
    return to_jsonb(core.fail(
      'export_too_large',
      jsonb_build_object('workspace', v_workspace, 'limit_bytes', 268435455),
      'Prune the activity log (sharedstate prune), or save the whole database: sharedstate backup FILE.'
    ));
end;
$$;

create or replace function public.export_state()
returns jsonb
language sql
stable
set search_path = ''
set statement_timeout = '5min'
as $$
  select core.export_state();
$$;

comment on function public.export_state() is
'The whole workspace as one JSON document, for import_state. Leases are not in it, their token counters are.';
