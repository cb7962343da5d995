-- What an agent that has checked a subsystem out needs to read; with its check-in the subsystem is made from
-- the versions that it is given of other subsystems' documents.
create or replace function core.read_checkout(
  p_lease public.agent_locks,
  p_reads text[],
  p_reads_requirements text[],
  p_is_repetition boolean
)
returns public.subsystem_checkout
language plpgsql
set search_path = ''
as $$
declare
  v_workspace constant text := p_lease.workspace;
  v_subsystem constant text := p_lease.resource_name;
  v_interfaces jsonb[];
  v_requirements jsonb[];
begin
  perform core.hold_publications(v_workspace, p_reads || p_reads_requirements, false);
  v_interfaces := array(select core.latest_documents(v_workspace, 'interfaces', p_reads));
  v_requirements := array(select core.latest_documents(v_workspace, 'requirements', p_reads_requirements));
  perform core.note_reads(p_lease, 'interfaces', p_reads, v_interfaces, p_is_repetition);
  perform core.note_reads(p_lease, 'requirements', p_reads_requirements, v_requirements, p_is_repetition);
  return row(
    p_lease,
    (select s from public.subsystems as s where s.workspace = v_workspace and s.name = v_subsystem),
    (
      select d from public.subsystem_requirements as d
      where d.workspace = v_workspace and d.subsystem_name = v_subsystem
      order by d.version desc limit 1
    ),
    (
      select d from public.subsystem_interfaces as d
      where d.workspace = v_workspace and d.subsystem_name = v_subsystem
      order by d.version desc limit 1
    ),
    (
      select d from public.subsystem_designs as d
      where d.workspace = v_workspace and d.subsystem_name = v_subsystem
      order by d.version desc limit 1
    ),
    (
      select g from public.global_constraints as g
      where g.workspace = v_workspace
      order by g.version desc limit 1
    ),
    array(select jsonb_populate_record(null::public.subsystem_interfaces, d) from unnest(v_interfaces) as d),
    array(select jsonb_populate_record(null::public.subsystem_requirements, d) from unnest(v_requirements) as d),
    array(select c from core.get_active_conflicts(p_lease.locked_by) as c),
    '{}'::public.conflicts[]
  )::public.subsystem_checkout;
end;
$$;
