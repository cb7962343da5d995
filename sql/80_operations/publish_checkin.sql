-- Publishes what a check-in brings along of interfaces and design; the check-in logs them with itself.
create or replace function core.publish_checkin(
  p_checkin public.subsystem_checkin,
  p_workspace text,
  p_subsystem text,
  p_interfaces jsonb,
  p_design_data jsonb,
  p_agent_name text,
  p_execution_id text
)
returns public.subsystem_checkin
language plpgsql
set search_path = ''
as $$
begin
  if p_interfaces is not null then
    p_checkin.interfaces := jsonb_populate_record(
      p_checkin.interfaces,
      core.write_document(
        p_workspace, 'interfaces', p_subsystem, p_interfaces, p_agent_name, null, p_execution_id, null
      )
    );
  end if;
  if p_design_data is not null then
    p_checkin.design := jsonb_populate_record(
      p_checkin.design,
      core.write_document(
        p_workspace, 'design', p_subsystem, p_design_data, p_agent_name, null, p_execution_id, null
      )
    );
  end if;
  return p_checkin;
end;
$$;
