-- A subsystem that is checked in as complete must be made from what others publish now, or say why
-- not: p_accept_stale, which is logged and holds for the versions that there are by now.
create or replace function core.require_fresh_inputs(
  p_workspace text,
  p_subsystem text,
  p_accept_stale text,
  p_agent_name text,
  p_execution_id text
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_stale constant jsonb := core.stale_inputs(p_workspace, p_subsystem);
begin
  if v_stale = '[]' then
    return true;
  elsif p_accept_stale is null then
    return core.fail(
      'stale_inputs',
      jsonb_build_object('subsystem', p_subsystem, 'inputs', v_stale),
      'Check it out again with the same reads and redo the work on what comes, or check in with accept_stale and a reason.'
    );
  end if;
  update public.document_dependencies as d set accepted_version = (e.value ->> 'new_version')::integer
  from jsonb_array_elements(v_stale) as e
  where d.workspace = p_workspace and d.subsystem = p_subsystem
    and d.on_subsystem = e.value ->> 'subsystem' and d.document = e.value ->> 'document';
  return core.write_activity(
    p_workspace, p_agent_name, 'stale_inputs_accepted',
    jsonb_build_object('subsystem', p_subsystem, 'reason', p_accept_stale, 'inputs', v_stale),
    p_execution_id
  ) is not null;
end;
$$;
