-- Appends the next version; the caller has checked who may. The lock on the subsystem's row makes
-- concurrent writers take their numbers one after the other.
create or replace function core.write_requirements(
  p_workspace text,
  p_subsystem text,
  p_requirements jsonb,
  p_created_by text,
  p_base_version integer
)
returns public.subsystem_requirements
language plpgsql
set search_path = ''
as $$
declare
  v_latest integer;
  v_row public.subsystem_requirements;
begin
  perform core.lock_subsystem(p_workspace, p_subsystem);
  select coalesce(max(d.version), 0) into v_latest from public.subsystem_requirements as d
  where d.workspace = p_workspace and d.subsystem_name = p_subsystem;
  perform core.require_base_version('requirements of ' || p_subsystem, p_base_version, v_latest);
  insert into public.subsystem_requirements as d (workspace, subsystem_name, version, requirements, created_by)
  values (p_workspace, p_subsystem, v_latest + 1, p_requirements, p_created_by)
  returning d.* into v_row;
  return v_row;
end;
$$;
