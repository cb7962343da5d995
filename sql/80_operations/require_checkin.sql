create or replace function core.require_checkin(
  p_subsystem text,
  p_agent_name text,
  p_execution_id text,
  p_fencing_token bigint,
  p_status jsonb,
  p_interfaces jsonb,
  p_design_data jsonb,
  p_activity text,
  p_details jsonb,
  p_release boolean,
  p_accept_stale text,
  p_strict boolean
)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_name('execution_id', p_execution_id);
  perform core.require_present('fencing_token', to_jsonb(p_fencing_token));
  perform core.require_present('release', to_jsonb(p_release));
  perform core.require_present('strict', to_jsonb(p_strict));
  perform core.require_status(p_subsystem, p_status);
  perform core.require_object('details', p_details);
  if p_interfaces is not null then
    perform core.require_object('interfaces', p_interfaces);
  end if;
  if p_design_data is not null then
    perform core.require_object('design_data', p_design_data);
  end if;
  if p_activity is not null then
    perform core.require_label('activity', p_activity);
  end if;
  if p_accept_stale is not null then
    perform core.require_text('accept_stale', p_accept_stale);
  end if;
  return true;
end;
$$;
